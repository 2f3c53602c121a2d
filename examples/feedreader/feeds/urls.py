from django.urls import path
from django.views.decorators.http import condition

from feeds import sample, views

urlpatterns = [
    path("", views.index, name="index"),
    path("feeds/<int:pk>/", views.feed, name="feed"),
    path("sample.xml", condition(etag_func=sample.etag)(sample.SampleFeed()), name="sample"),
    path("health/", views.health, name="health"),
]
