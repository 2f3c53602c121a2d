from django.urls import path

from mysite import views

urlpatterns = [
    path("", views.hello),
    path("about/", views.about),
    path("slow/", views.slow),
    path("held/", views.held),
]
