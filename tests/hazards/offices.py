"""A release that waits for people, and the people: the controller, the approvals and their pages over one storage."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from shared.console.page import Page
from shared.console.principal import Principal
from shared.domain.ids import ReleaseId
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import World

ANA, BEN, CARLA = "ana@example.com", "ben@example.com", "carla@example.com"
ROLE = frozenset({"Approver"})
# As the people file has them.
OIDS = {ANA: "d0cb4bdc-6419-5baa-ba08-a5690bdc5521", BEN: "1001b599-da08-5b7b-bf50-bba8ab0ccd45"}


def signed_in(person: str) -> Principal:
    return Principal(person, ROLE, oid=OIDS.get(person, ""))


class ReleaseOffice(World):
    """Ana submitted the version; Ben and Carla may approve."""

    def __init__(self) -> None:
        super().__init__()
        app = self.app()
        self.office, self.pages = app.approvals, app.approval_pages
        self.approvals = self.office  # type: ignore[assignment]

    def ask(self, **approval: Any) -> ReleaseId:
        """Have a release ask; return its id."""
        plan = replace(a_plan().approval, **{"approvers": (ANA, BEN, CARLA), **approval})
        release = self.open(approval=plan)
        self.run_to_question(release)
        return release

    def run_to_question(self, release: ReleaseId) -> None:
        self.run(until=lambda: self.office.question(release) is not None)

    def form(self, release: ReleaseId, person: str) -> dict[str, str]:
        """Open the page; return what its form would send."""
        page = self.pages.show(release, signed_in(person), "")
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body)
        return {**dict(fields), "choice": "approve", "reason": ""}

    def send(self, release: ReleaseId, person: str, form: dict[str, str] | None = None, **changes: str) -> Page:
        body = urlencode({**(form or self.form(release, person)), **changes}).encode()
        return self.pages.decide(release, body, signed_in(person), "")

    def decisions(self) -> list[str]:
        return [item.name for item in self.blobs.list("approvals/") if "decision" in item.name]
