"""Event Grid on loopback: topics, filters, retried delivery, dead letters, and hostility on demand."""

from local.eventgrid.dead_letters import BlobDeadLetters, DeadLetterStore
from local.eventgrid.emulator import LOCAL_KEY, EventGrid
from local.eventgrid.faults import Faults
from local.eventgrid.queue_destination import StorageQueue
from local.eventgrid.subscription import Subscription, SubscriptionError
from local.eventgrid.subscription_file import load_subscriptions

__all__ = [
    "LOCAL_KEY",
    "BlobDeadLetters",
    "DeadLetterStore",
    "EventGrid",
    "Faults",
    "StorageQueue",
    "Subscription",
    "SubscriptionError",
    "load_subscriptions",
]
