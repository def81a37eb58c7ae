"""The app's configuration: read once from the environment, every missing name reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from shared.domain.arm_ids import workspace_id
from shared.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Setting:
    """One name the app reads. A setting without a default is required."""

    name: str
    purpose: str
    example: str
    default: str | None = None
    local_only: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("AzureWebJobsStorage", "the app's own storage (connection string)", "UseDevelopmentStorage=true", ""),
    Setting(
        "AzureWebJobsStorage__blobServiceUri", "the same without a key: blobs", "https://st.blob.core.windows.net", ""
    ),
    Setting(
        "AzureWebJobsStorage__queueServiceUri",
        "the same without a key: queues",
        "https://st.queue.core.windows.net",
        "",
    ),
    Setting("VIGIA_SUBSCRIPTION_ID", "subscription of the workspace", "00000000-0000-0000-0000-000000000001"),
    Setting("VIGIA_RESOURCE_GROUP", "resource group of the workspace", "rg-ml"),
    Setting("VIGIA_WORKSPACE", "name of the Azure ML workspace", "ws-ml"),
    Setting(
        "VIGIA_WORKSPACE_STORAGE",
        "the workspace's storage: blob service URI or connection string",
        "https://stml.blob.core.windows.net",
    ),
    Setting(
        "VIGIA_WORKSPACE_CONTAINER", "its blob container behind datastore workspaceblobstore", "azureml-blobstore-1234"
    ),
    Setting(
        "VIGIA_TOPIC_ENDPOINT",
        "endpoint of Vigia's own Event Grid topic",
        "https://topic.westeurope-1.eventgrid.azure.net/api/events",
    ),
    Setting("VIGIA_TOPIC_KEY", "key of that topic; empty to authenticate with the identity", "", ""),
    Setting(
        "VIGIA_LOGS_WORKSPACE_ID",
        "Log Analytics workspace that holds the traffic log",
        "00000000-0000-0000-0000-000000000002",
    ),
    Setting("VIGIA_POLICIES", "folder of the policy files and people.yaml", "policies", "policies"),
    Setting("VIGIA_PUBLIC_URL", "where people reach the app's pages", "https://func-vigia.azurewebsites.net"),
    Setting(
        "VIGIA_TEAMS_WEBHOOK",
        "URL of the Teams workflow; a secret; empty for no Teams messages",
        "https://prod-01.westeurope.logic.azure.com/…",
        "",
    ),
    Setting(
        "VIGIA_ACS_ENDPOINT",
        "Azure Communication Services that sends the mails; goes before a mail server; empty for none",
        "https://acs-vigia.europe.communication.azure.com",
        "",
    ),
    Setting("VIGIA_SMTP_HOST", "mail server; empty for none", "smtp.azurecomm.net", ""),
    Setting("VIGIA_SMTP_PORT", "its port: 587 speaks STARTTLS", "587", "587"),
    Setting("VIGIA_SMTP_USER", "user on the mail server; empty for none", "", ""),
    Setting("VIGIA_SMTP_PASSWORD", "password on the mail server; a secret", "", ""),
    Setting("VIGIA_MAIL_FROM", "sender of the mails", "vigia@example.com", "vigia@localhost"),
    Setting("VIGIA_IDENTITY_CLIENT_ID", "client id of the app's user-assigned identity", "", ""),
    Setting(
        "VIGIA_ALERTS_CALLER",
        "application id that may call the alert endpoint; by default the one of Azure Monitor's action groups",
        "461e8683-5575-4561-ac7f-899cc907d62a",
        "461e8683-5575-4561-ac7f-899cc907d62a",
    ),
    Setting(
        "VIGIA_ALERTS_ROLE",
        "application role that it must have; empty to require none",
        "ActionGroupsSecureWebhook",
        "",
    ),
    Setting(
        "VIGIA_EVENTS_CALLER",
        "application id that may deliver to /api/events; by default Event Grid's own",
        "4962773b-9cdb-44cf-a8bf-237846a00ab7",
        "4962773b-9cdb-44cf-a8bf-237846a00ab7",
    ),
    Setting(
        "VIGIA_EVENTS_ROLE",
        "application role that it must have; empty to require none",
        "AzureEventGridSecureWebhookSubscriber",
        "",
    ),
    Setting(
        "VIGIA_EVENTS_SUBSCRIPTIONS",
        "event subscriptions that may point at /api/events, comma separated; empty to close it",
        "models-by-webhook,runs-by-webhook",
        "",
    ),
    Setting(
        "VIGIA_EVENTS_ORIGINS",
        "origins whose CloudEvents handshake is answered, comma separated: Event Grid's name in each cloud",
        "eventgrid.azure.us",
        "eventgrid.azure.net,eventgrid.azure.us,eventgrid.azure.cn",
    ),
    Setting(
        "VIGIA_EVENTS_SOURCES",
        "other workspaces and topics whose events are acted on like our own, ARM ids, comma separated",
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml"
        "/providers/Microsoft.MachineLearningServices/workspaces/ws-train",
        "",
    ),
    Setting("VIGIA_RUNS", "which functions this app has: all, front (called from outside) or work", "work", "all"),
    Setting("VIGIA_SWEEP_SCHEDULE", "when the sweep resumes open work (NCRONTAB, UTC)", "0 * * * * *", "0 * * * * *"),
    Setting("VIGIA_MONITOR_SCHEDULE", "when due monitors are run (NCRONTAB, UTC)", "0 */5 * * * *", "0 */5 * * * *"),
    Setting(
        "VIGIA_SCHEDULES_SCHEDULE",
        "when retraining schedules are checked (NCRONTAB, UTC)",
        "30 * * * * *",
        "30 * * * * *",
    ),
    Setting(
        "VIGIA_POLL_SCHEDULE",
        "when the registry poll looks for changes without an event (NCRONTAB, UTC)",
        "0 */15 * * * *",
        "0 */15 * * * *",
    ),
    Setting("VIGIA_LEASE_SECONDS", "after this many seconds another worker may take over an open claim", "120", "120"),
    Setting(
        "VIGIA_ARM_ENDPOINT",
        "Azure Resource Manager; another one in sovereign clouds",
        "https://management.azure.com",
        "https://management.azure.com",
    ),
    Setting(
        "VIGIA_MONITOR_ENDPOINT",
        "Azure Monitor's query service",
        "https://api.loganalytics.io",
        "https://api.loganalytics.io",
    ),
    Setting("VIGIA_CREDENTIAL", "`azure`, or `loopback` when every endpoint is on this machine", "azure", "azure"),
    Setting(
        "VIGIA_LOCAL_USERS",
        "people who may sign in on the local host: email:Role+Role, comma separated",
        "ana@example.com:Approver",
        "",
        True,
    ),
)


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """One more Azure ML workspace that the app serves, as workspaces.yaml lists it.

    Args:
        name: by which policies, commands and pages know it; lower-case letters, digits and hyphens.
        environment: what people call it, e.g. "staging"; empty for nothing.
        storage: the workspace's storage: blob service URI or connection string.
        identity_client_id: client id of the identity that reads and changes it; empty for the app's own.
    """

    name: str
    environment: str
    subscription_id: str
    resource_group: str
    workspace: str
    storage: str = field(repr=False)
    container: str
    logs_workspace_id: str
    identity_client_id: str

    @property
    def workspace_id(self) -> str:
        return workspace_id(self.subscription_id, self.resource_group, self.workspace)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values, checked. Field names follow the setting names; secrets are left out when it is printed."""

    storage: str = field(repr=False)
    storage_blob_uri: str
    storage_queue_uri: str
    subscription_id: str
    resource_group: str
    workspace: str
    workspace_storage: str = field(repr=False)
    workspace_container: str
    topic_endpoint: str
    topic_key: str = field(repr=False)
    logs_workspace_id: str
    policies: Path
    public_url: str
    teams_webhook: str = field(repr=False)
    acs_endpoint: str
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: str = field(repr=False)
    mail_from: str
    identity_client_id: str
    alerts_caller: str
    alerts_role: str
    events_caller: str
    events_role: str
    events_subscriptions: str
    events_origins: str
    events_sources: tuple[str, ...]
    schedules: Mapping[str, str]
    lease_seconds: int
    arm_endpoint: str
    monitor_endpoint: str
    uses_loopback_credential: bool
    # Which workspace these are the settings of: "" is the app's own, which VIGIA_WORKSPACE names.
    workspace_name: str = ""
    environment: str = ""
    workspace_identity_client_id: str = ""

    def at(self, workspace: WorkspaceSettings) -> Settings:
        """Return the settings with another workspace of the same app; the app's own storage, topic and people stay."""
        return replace(
            self,
            subscription_id=workspace.subscription_id,
            resource_group=workspace.resource_group,
            workspace=workspace.workspace,
            workspace_storage=workspace.storage,
            workspace_container=workspace.container,
            logs_workspace_id=workspace.logs_workspace_id,
            workspace_name=workspace.name,
            environment=workspace.environment,
            workspace_identity_client_id=workspace.identity_client_id or self.identity_client_id,
        )

    @property
    def workspace_id(self) -> str:
        """Return the ARM id of the workspace; the source of its facts."""
        return workspace_id(self.subscription_id, self.resource_group, self.workspace)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings of `environment`.

        Raises:
            SettingsError: names every missing or wrong setting at once.
        """
        values = {s.name: environment.get(s.name, "").strip() or (s.default or "") for s in SETTINGS}
        problems = [f"{s.name} is missing: {s.purpose}, e.g. {s.example}" for s in _missing(values)]
        if not values["AzureWebJobsStorage"] and not (
            values["AzureWebJobsStorage__blobServiceUri"] and values["AzureWebJobsStorage__queueServiceUri"]
        ):
            problems.append(
                "AzureWebJobsStorage is missing: give a connection string, or both "
                "AzureWebJobsStorage__blobServiceUri and AzureWebJobsStorage__queueServiceUri"
            )
        problems += [f"{n} must be a whole number, not {values[n]!r}" for n in _NUMBERS if not values[n].isdigit()]
        if values["VIGIA_RUNS"] not in RUNS:
            problems.append(f"VIGIA_RUNS must be {', '.join(RUNS)}, not {values['VIGIA_RUNS']!r}")
        problems += _credential_problems(values)
        if problems:
            raise SettingsError(
                code="settings.incomplete",
                message="the configuration is incomplete:\n  - " + "\n  - ".join(problems),
                hint="local.settings.sample.json lists every setting",
            )
        return cls(
            storage=values["AzureWebJobsStorage"],
            storage_blob_uri=values["AzureWebJobsStorage__blobServiceUri"],
            storage_queue_uri=values["AzureWebJobsStorage__queueServiceUri"],
            subscription_id=values["VIGIA_SUBSCRIPTION_ID"],
            resource_group=values["VIGIA_RESOURCE_GROUP"],
            workspace=values["VIGIA_WORKSPACE"],
            workspace_storage=values["VIGIA_WORKSPACE_STORAGE"],
            workspace_container=values["VIGIA_WORKSPACE_CONTAINER"],
            topic_endpoint=values["VIGIA_TOPIC_ENDPOINT"],
            topic_key=values["VIGIA_TOPIC_KEY"],
            logs_workspace_id=values["VIGIA_LOGS_WORKSPACE_ID"],
            policies=Path(values["VIGIA_POLICIES"]),
            public_url=values["VIGIA_PUBLIC_URL"].rstrip("/"),
            teams_webhook=values["VIGIA_TEAMS_WEBHOOK"],
            acs_endpoint=values["VIGIA_ACS_ENDPOINT"],
            smtp_host=values["VIGIA_SMTP_HOST"],
            smtp_port=int(values["VIGIA_SMTP_PORT"]),
            smtp_user=values["VIGIA_SMTP_USER"],
            smtp_password=values["VIGIA_SMTP_PASSWORD"],
            mail_from=values["VIGIA_MAIL_FROM"],
            identity_client_id=values["VIGIA_IDENTITY_CLIENT_ID"],
            workspace_identity_client_id=values["VIGIA_IDENTITY_CLIENT_ID"],
            alerts_caller=values["VIGIA_ALERTS_CALLER"],
            alerts_role=values["VIGIA_ALERTS_ROLE"],
            events_caller=values["VIGIA_EVENTS_CALLER"],
            events_role=values["VIGIA_EVENTS_ROLE"],
            events_subscriptions=values["VIGIA_EVENTS_SUBSCRIPTIONS"],
            events_origins=values["VIGIA_EVENTS_ORIGINS"],
            events_sources=_listed(values["VIGIA_EVENTS_SOURCES"]),
            schedules={timer: values[name] for timer, name in _TIMERS.items()},
            lease_seconds=int(values["VIGIA_LEASE_SECONDS"]),
            arm_endpoint=values["VIGIA_ARM_ENDPOINT"].rstrip("/"),
            monitor_endpoint=values["VIGIA_MONITOR_ENDPOINT"].rstrip("/"),
            uses_loopback_credential=values["VIGIA_CREDENTIAL"] == "loopback",
        )


# The timers' function names, and the setting that says when each runs.
_TIMERS = {
    "sweep": "VIGIA_SWEEP_SCHEDULE",
    "monitors": "VIGIA_MONITOR_SCHEDULE",
    "schedules": "VIGIA_SCHEDULES_SCHEDULE",
    "registry_poll": "VIGIA_POLL_SCHEDULE",
}
RUNS = ("all", "front", "work")
_NUMBERS = ("VIGIA_SMTP_PORT", "VIGIA_LEASE_SECONDS")
_ENDPOINTS = ("VIGIA_ARM_ENDPOINT", "VIGIA_MONITOR_ENDPOINT", "VIGIA_TOPIC_ENDPOINT", "VIGIA_ACS_ENDPOINT")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _missing(values: Mapping[str, str]) -> list[Setting]:
    return [setting for setting in SETTINGS if setting.default is None and not values[setting.name]]


def _credential_problems(values: Mapping[str, str]) -> list[str]:
    # The loopback credential is unsigned: a service that accepted it would accept anybody.
    kind = values["VIGIA_CREDENTIAL"]
    if kind not in {"azure", "loopback"}:
        return [f"VIGIA_CREDENTIAL must be azure or loopback, not {kind!r}"]
    if kind == "azure":
        return []
    return [
        f"VIGIA_CREDENTIAL is loopback, so {name} must be http://127.0.0.1:…, not {values[name]!r}"
        for name in _ENDPOINTS
        if values[name] and urlsplit(values[name]).hostname != "127.0.0.1"
    ]
