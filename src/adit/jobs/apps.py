from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "adit.jobs"
    label = "jobs"
