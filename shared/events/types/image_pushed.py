"""Microsoft.ContainerRegistry.ImagePushed: an image came into a registry."""

from __future__ import annotations

from shared.domain.fact import Fact, ImagePushed
from shared.events.spec import EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = "Microsoft.ContainerRegistry.ImagePushed"


def parse(envelope: Envelope) -> Fact:
    target = envelope.data.mapping("target")
    host = envelope.data.mapping("request").optional_name("host")
    body = ImagePushed(
        registry=(host or envelope.source.rpartition("/")[2]).lower(),
        repository=target.name("repository"),
        digest=target.name("digest").lower(),
        tag=target.optional_name("tag"),
    )
    # A tag is a name that moves, and a push by digest has none: the digest is what was pushed.
    return fact_of(envelope, body, identity=(body.repository, body.digest))


SPEC = EventSpec((TYPE,), parse, "An image came into the container registry; recorded only.")
