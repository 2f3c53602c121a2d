"""Before anything is touched: our own lint, the API's schemas where they are installed, Kustomize, the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from procession.engines.base import Asked
from procession.engines.kubernetes.kubectl import APPLY, kubectl
from procession.engines.kubernetes.lint import Manifest, lint, title
from procession.engines.kubernetes.render import manifests
from procession.engines.steps import Command, News, Steps
from procession.refusal import Refusal
from procession.run import NO_SUCH_PROGRAM

INSTALL = "https://kubernetes.io/docs/tasks/tools/"
CUSTOM = ("keda.sh/", "gateway.networking.k8s.io/")  # resources whose schemas come with their operators


def check(asked: Asked) -> Steps[None]:
    """Raises Refusal with the first complaint. A checker that is not there is named, and left out."""
    found = [document for documents in manifests(asked.stack, asked.options).values() for document in documents]
    if complaints := [*lint(found, asked.stack), *_against_schemas(found, asked.options.version)]:
        raise Refusal(f"the manifests would not do: {complaints[0]}", "nothing was changed")
    done = yield Command(argv=("kubectl", "kustomize", asked.directory), looks=True)
    if done.status == NO_SUCH_PROGRAM:
        yield from _complain("kubectl is not there", f"install it: {INSTALL}", asked)
        return
    if not done.is_well:
        raise Refusal(f"kubectl kustomize: {done.last_words()}", "nothing was changed")
    yield from _ask_cluster(asked)


def _ask_cluster(asked: Asked) -> Steps[None]:
    """What the API server says to all of it: kinds, quotas, admission. It is a dry run there, and changes nothing."""
    done = yield kubectl(asked, "version", looks=True)
    if not done.is_well:
        yield from _complain(
            f"kubectl reaches no cluster: {done.last_words()}", "say which: CONTEXT, or KUBECONFIG", asked
        )
        return
    done = yield kubectl(asked, *APPLY, "--dry-run=server", "-k", asked.directory, looks=True)
    for line in done.stderr.splitlines():
        if line.startswith("Warning:"):
            yield News(line)
    if not done.is_well:
        yield from _complain(f"the cluster does not take the manifests: {done.last_words()}", "", asked)


def _complain(what: str, fix: str, asked: Asked) -> Steps[None]:
    """A dry run goes on without a cluster: it shows the commands. Else raises Refusal."""
    if not asked.dry_run:
        raise Refusal(what, "; ".join(filter(None, (fix, "nothing was changed"))))
    yield News(what)


def _against_schemas(found: Sequence[Manifest], version: str) -> list[str]:
    """By kubernetes-validate (the extra `engines`); none if it is not installed, or has no schema of that version."""
    try:
        from kubernetes_validate import SchemaNotFoundError, ValidationError, validate
    except ImportError:
        return []
    complaints = []
    for manifest in found:
        if manifest["apiVersion"].startswith(CUSTOM):
            continue
        try:
            validate(manifest, version, strict=True)
        except ValidationError as error:
            complaints.append(f"{title(manifest)}: {error.message}")
        except SchemaNotFoundError:
            return complaints
    return complaints
