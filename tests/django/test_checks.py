"""Django's system checks say the same as `procession check`, under the same ids."""

from __future__ import annotations

from tests.django.conftest import Project

BAD = """
PRODUCTION_PROCESSES = {
    "web": {"BACKEND": "gunicorn", "READINESS": {"path": "healthz"}, "ENV_FILE": "none.env"},
    "worker": {"COMMAND": "no-such-program", "ENV_FILE": "none.env"},
}
"""


def test_a_mistake_in_the_declaration_is_found_on_every_run(project: Project) -> None:
    project.settings(BAD)
    done = project.manage("check")
    assert done.returncode == 1
    assert (
        '?: (procession.E014) web.readiness.path: must start with "/", got "healthz"\n'
        '\tHINT: from PRODUCTION_PROCESSES["web"]["READINESS"]["path"] in mysite.settings · write: "/healthz"\n'
    ) in done.stderr
    assert "procession.E028" not in done.stderr


def test_what_depends_on_the_machine_is_found_for_a_deploy(project: Project) -> None:
    project.settings(BAD)
    done = project.manage("check", "--deploy", "--tag", "procession")
    assert done.stderr.count("(procession.E014)") == 1
    assert done.stderr.count("(procession.E028)") == 1
    assert done.stderr.count("(procession.E037)") == 2


def test_nothing_declared_is_no_mistake(project: Project) -> None:
    assert project.manage("check", "--deploy", "--tag", "procession").returncode == 0


def test_a_mistake_in_what_is_declared_for_development_is_found_too(project: Project) -> None:
    project.settings('DEVELOPMENT_PROCESSES = {"web": {"BACKEND": "runserver", "WATCH": 5}}\n')
    done = project.manage("check")
    assert done.returncode == 1
    assert "web.watch: must be" in done.stderr
    assert 'DEVELOPMENT_PROCESSES["web"]["WATCH"]' in done.stderr


def test_the_health_endpoints_must_come_before_what_redirects(project: Project) -> None:
    security, health = "django.middleware.security.SecurityMiddleware", "procession.django.health.HealthMiddleware"
    project.settings(f"MIDDLEWARE = {[security, health]!r}\n")
    said = project.manage("check", "--tag", "procession").stderr
    assert "(procession.W158) middleware: a probe gets a redirect or a 400 from what stands before" in said
    project.settings(f"MIDDLEWARE = {[health, security]!r}\n")
    assert project.manage("check", "--tag", "procession").stderr == ""
