"""What the permissions of the dashboard hang on, and its line in the admin: a model without a table."""

from __future__ import annotations

from django.db import models


class NoRows(models.Manager["Stack"]):
    """Asks no database: `dumpdata` goes through every model, and there is no table to read."""

    def get_queryset(self) -> models.QuerySet[Stack]:
        """Nothing, without a query."""
        return super().get_queryset().none()


class Stack(models.Model):
    """Everything that the site runs. `migrate` makes its permissions, and no table."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=40)
    objects = NoRows()

    class Meta:
        app_label = "procession"
        managed = False
        base_manager_name = "objects"
        default_permissions = ()
        permissions = (("view", "Can look at the processes"), ("operate", "Can start, stop and scale processes"))
        verbose_name = "process"
        verbose_name_plural = "processes"
