"""Every path of the REST API on one screen: method, path, endpoint, required action.

Paths are below `/api/v1`. Guards are attached here and nowhere else. A row names a method; when the
table is served, the methods get the objects that the capabilities made. One row a route; a line is
as long as it must be to stay one row.
"""

from typing import Any, Final

from hub.accounts.api_keys_rest import ApiKey, ApiKeyBody, ApiKeyEndpoints
from hub.accounts.command_key_rest import (
    CommandKeyBody,
    CommandKeyEndpoints,
    CommandKeyItem,
)
from hub.accounts.factor_rest import (
    ApproveBody,
    AuthorizeForm,
    CodeBody,
    DeviceCodes,
    DeviceTokenForm,
    DeviceTokens,
    FactorEndpoints,
    RecoveryCodes,
    SecondFactorBody,
    TotpItem,
    UserCodeBody,
    WaitingItem,
)
from hub.accounts.org_settings import OrgSettings
from hub.accounts.own_rest import Me, OwnAccountEndpoints, PasswordBody, ReauthenticateBody
from hub.accounts.passkey_rest import (
    NewPasskeyBody,
    PasskeyEndpoints,
    PasskeyItem,
    PasskeyLoginBody,
)
from hub.accounts.provider_rest import (
    CallbackQuery,
    LogoutForm,
    ProviderBody,
    ProviderDetail,
    ProviderEndpoints,
    ProviderItem,
    ProviderPatch,
    ProvidersQuery,
    StartQuery,
)
from hub.accounts.rest import (
    AccountEndpoints,
    Login,
    LoginBody,
    RefreshBody,
    Session,
    SessionQuery,
    SwitchBody,
    Ticket,
)
from hub.accounts.settings_rest import EnrollmentKey, SettingsEndpoints, SettingsPatch
from hub.accounts.users_rest import User, UserBody, UserEndpoints, UserPatch
from hub.alerts.rest import (
    AlertBulk,
    AlertBulkBody,
    AlertDeedBody,
    AlertEndpoints,
    AlertItem,
    AlertsQuery,
)
from hub.approvals.records import ApprovalItem
from hub.approvals.rest import ApprovalEndpoints, ApprovalQuery, DecisionBody
from hub.audit.rest import AuditEndpoints, AuditQuery
from hub.audit.service import AuditRow
from hub.campaigns.rest import (
    CampaignBody,
    CampaignDevice,
    CampaignDevicesQuery,
    CampaignEndpoints,
    CampaignItem,
    CampaignOwnerBody,
    RetryBody,
    WaveBody,
)
from hub.certificates.rest import (
    CertificateEndpoints,
    CertificateItem,
    CertificatesQuery,
    RevocationBody,
)
from hub.channels.rest import (
    ChannelBody,
    ChannelEndpoints,
    ChannelItem,
    ChannelTest,
    SilenceBody,
    SilenceItem,
)
from hub.commands.records import CommandRecord, CommandResult
from hub.commands.rest import (
    BulkBody,
    Cancelled,
    CommandEndpoints,
    CommandsQuery,
    DispatchBody,
    HistoryQuery,
    PendingQuery,
)
from hub.config.defaults_rest import (
    GroupConfig,
    GroupConfigBody,
    GroupConfigEndpoints,
    GroupConfigOutcome,
)
from hub.config.rest import (
    Config,
    ConfigChange,
    ConfigEndpoints,
    ConfigSchema,
    RevertBody,
    SchemaBody,
)
from hub.desired.rest import DesiredEndpoints
from hub.desired.service import WantedDocument
from hub.desired.software_rest import PinEndpoints, PinnedSoftware, PinsBody
from hub.devices.bulk_rest import BulkEndpoints, DeviceBulk, DeviceBulkBody
from hub.devices.quarantine_rest import QuarantineBody, QuarantineEndpoints, ReleaseBody
from hub.devices.rest import (
    ConnectedDevice,
    ConnectionModeBody,
    Device,
    DeviceBody,
    DeviceEndpoints,
    DevicePatch,
    DeviceQuery,
)
from hub.edge.reading import RecordCount, RecordItem
from hub.edge.record_rest import CountsQuery, EdgeRecordEndpoints, RecordsQuery
from hub.edge.rest import (
    CloudSync,
    DeadLetter,
    DeadLetterFilter,
    Deleted,
    EdgeEndpoints,
    Retried,
    SyncBody,
    SyncParts,
)
from hub.enrollment.rest import (
    ApprovalBody,
    CertificateBody,
    DeviceCertificate,
    DeviceToken,
    EnrollmentEndpoints,
    EnrollmentRequestItem,
    EnrollmentTokenBody,
    EnrollmentTokenItem,
    RejectionBody,
    Reopened,
    TokenQuery,
)
from hub.event_streams.rest import EventStreamEndpoints, StreamQuery
from hub.firmware.deployment_rest import (
    Deployment,
    DeploymentBody,
    DeploymentEndpoints,
    DeviceDeployment,
    HeldBack,
)
from hub.firmware.rest import (
    FirmwareEndpoints,
    KeyBody,
    Release,
    SignatureBody,
    SigningKey,
    UploadQuery,
)
from hub.groups.rest import Group, GroupBody, GroupEndpoints, MembersBody
from hub.history.rest import EventsQuery, HistoryEndpoints, LogsQuery
from hub.organisations.rest import (
    AcceptBody,
    InvitationBody,
    InvitationItem,
    OrganisationEndpoints,
    OrgBody,
    OrgDeletion,
    OrgItem,
    OrgPatch,
    ServiceBody,
    ServiceItem,
)
from hub.own.common import CommandTypeItem
from hub.own.rest import CommandTypesQuery, OwnEndpoints
from hub.queries.rest import ExplainBody, Explanation, QueryEndpoints
from hub.replicas.rest import FleetHealth, HealthEndpoints
from hub.rights.access import COMMAND_MINIMUM, FOR_DEVICES, MINIMUM, Door
from hub.rights.catalogue import DISPATCH
from hub.rights.rest import (
    AccessItem,
    AccessQuery,
    BindingBody,
    BindingItem,
    BindingQuery,
    PermissionItem,
    PermissionSet,
    RightsEndpoints,
    RoleBody,
    RoleItem,
    RulesBody,
    TeamBody,
    TeamItem,
    TeamMemberItem,
    TeamMembersBody,
)
from hub.rules.previewing import PreviewItem
from hub.rules.rest import AlertRuleBody, PreviewBody, RuleEndpoints, RuleItem, RuleOwnerBody
from hub.schedules.rest import (
    ScheduleBody,
    ScheduleEndpoints,
    ScheduleItem,
    ScheduleOwnerBody,
    SchedulePreviewBody,
    ScheduleRunItem,
)
from hub.secrets.rest import SecretBody, SecretDataBody, SecretEndpoints, SecretItem
from hub.sessions.records import RECORDINGS, OpenedSession, SessionItem
from hub.sessions.rest import SessionBody, SessionEndpoints, SessionsQuery
from hub.telemetry.reader import EventRecord, LogRecord, MetricPoint, StateChange
from hub.telemetry.rest import (
    EventQuery,
    FleetMetricBody,
    FleetMetricQuery,
    LogQuery,
    MetricQuery,
    StateQuery,
    TelemetryEndpoints,
)
from hub.usage.rest import UsageEndpoints, UsageQuery
from hub.usage.service import UsageDay
from hub.web.contract.rules import Rules
from hub.web.inputs import ListQuery
from hub.web.route import Route
from hub.webhooks.rest import (
    DeliveryItem,
    WebhookBody,
    WebhookEndpoints,
    WebhookItem,
    WebhookOwnerBody,
)
from hub.workloads.data_rest import (
    ConfigMapBody,
    ConfigMapDataBody,
    ConfigMapItem,
    RegistryBody,
    RegistryChange,
    RegistryItem,
    WorkloadDataEndpoints,
)
from hub.workloads.device_rest import (
    AssignmentBody,
    AssignmentItem,
    RemovalQuery,
    WorkloadEndpoints,
)
from hub.workloads.handing import WorkloadsSection
from hub.workloads.rest import (
    ApplicationBody,
    ApplicationChange,
    ApplicationDetail,
    ApplicationEndpoints,
    ApplicationItem,
    ComposeBody,
    CurrentBody,
    NormalForm,
    RevisionItem,
)
from hub.workloads.rollout_rest import (
    RollOutBody,
    RollOutEndpoints,
    RollOutItem,
)
from hub.workloads.showing import WorkloadItem
from protocol.edge import SyncAnswer

RULES: Final = Rules(
    minimum=MINIMUM, devices=FOR_DEVICES, dispatch=DISPATCH, commands=COMMAND_MINIMUM
)
"""Who may do what, for the documents."""

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", "/auth/login", AccountEndpoints.login, Door.OPEN, "Sign in.", body=LoginBody, answer=Login, secret=True),
    Route("POST", "/auth/refresh", AccountEndpoints.refresh, Door.OPEN, "Refresh a token pair.", body=RefreshBody, optional_body=True, answer=Login, secret=True),
    Route("POST", "/auth/switch", AccountEndpoints.switch, Door.SESSION, "Sign in to another of your organisations.", body=SwitchBody, answer=Login, secret=True),
    Route("POST", "/auth/logout", AccountEndpoints.logout, Door.SESSION, "Sign out."),
    Route("POST", "/auth/ws-ticket", AccountEndpoints.ws_ticket, Door.SESSION, "Issue a one-time ticket for a dashboard socket or an event stream.", answer=Ticket, secret=True),
    Route("POST", "/auth/password", OwnAccountEndpoints.password, Door.SESSION, "Change your password and end all your sessions.", body=PasswordBody),
    Route("POST", "/auth/reauthenticate", OwnAccountEndpoints.reauthenticate, Door.SESSION, "Show again who you are: by your password, a code or a passkey.", body=ReauthenticateBody),
    Route("POST", "/auth/second-factor", FactorEndpoints.second_factor, Door.OPEN, "Show the second factor of a sign-in.", body=SecondFactorBody, answer=Login, secret=True),
    Route("POST", "/auth/totp", FactorEndpoints.begin_totp, Door.SESSION, "Begin to use an authenticator program; its secret is shown once.", answer=TotpItem, secret=True),
    Route("POST", "/auth/totp/confirm", FactorEndpoints.confirm_totp, Door.SESSION, "Confirm the authenticator program with a code.", body=CodeBody, answer=RecoveryCodes, secret=True),
    Route("DELETE", "/auth/totp", FactorEndpoints.remove_totp, Door.SESSION, "Sign in without an authenticator program again."),
    Route("GET", "/auth/passkeys", PasskeyEndpoints.list, Door.SESSION, "List your passkeys.", answer=list[PasskeyItem]),
    Route("POST", "/auth/passkeys/options", PasskeyEndpoints.options, Door.SESSION, "Get what a browser makes a passkey by.", answer=dict[str, Any], secret=True),
    Route("POST", "/auth/passkeys", PasskeyEndpoints.add, Door.SESSION, "Add a passkey.", body=NewPasskeyBody, answer=PasskeyItem, status=201),
    Route("POST", "/auth/passkeys/login/options", PasskeyEndpoints.login_options, Door.OPEN, "Get what a browser asks a passkey with: to sign in, or with a token, to reauthenticate.", answer=dict[str, Any], secret=True),
    Route("POST", "/auth/passkeys/login", PasskeyEndpoints.login, Door.OPEN, "Sign in by a passkey.", body=PasskeyLoginBody, answer=Login, secret=True),
    Route("DELETE", "/auth/passkeys/{id}", PasskeyEndpoints.remove, Door.SESSION, "Remove a passkey."),
    Route("GET", "/auth/command-keys", CommandKeyEndpoints.list, Door.SESSION, "List the keys by which you sign commands.", answer=list[CommandKeyItem]),
    Route("POST", "/auth/command-keys", CommandKeyEndpoints.add, Door.SESSION, "Add a key by which you sign commands.", body=CommandKeyBody, answer=CommandKeyItem, status=201),
    Route("DELETE", "/auth/command-keys/{id}", CommandKeyEndpoints.remove, Door.SESSION, "Remove a key by which you sign commands."),
    Route("POST", "/auth/device/authorize", FactorEndpoints.authorize, Door.OPEN, "Begin to sign in a program without a browser (RFC 8628).", body=AuthorizeForm, answer=DeviceCodes, oauth=True),
    Route("POST", "/auth/device/token", FactorEndpoints.token, Door.OPEN, "Get the tokens of a program that was approved (RFC 8628).", body=DeviceTokenForm, answer=DeviceTokens, oauth=True),
    Route("POST", "/auth/device/waiting", FactorEndpoints.waiting, Door.SESSION, "Get the program that waits for a code.", body=UserCodeBody, answer=WaitingItem),
    Route("POST", "/auth/device/approve", FactorEndpoints.approve, Door.SESSION, "Sign in the program that waits for a code, or refuse it.", body=ApproveBody),
    Route("GET", "/auth/providers", ProviderEndpoints.list_providers, Door.OPEN, "List by what people sign in.", query=ProvidersQuery, answer=list[ProviderItem]),
    Route("POST", "/auth/providers", ProviderEndpoints.create_provider, "providers:create", "Let people sign in by another provider.", body=ProviderBody, answer=ProviderDetail, status=201),
    Route("GET", "/auth/providers/{id}", ProviderEndpoints.get_provider, "providers:get", "Get a provider, without its secret.", answer=ProviderDetail),
    Route("PATCH", "/auth/providers/{id}", ProviderEndpoints.change_provider, "providers:update", "Change a provider.", body=ProviderPatch, answer=ProviderDetail),
    Route("DELETE", "/auth/providers/{id}", ProviderEndpoints.delete_provider, "providers:delete", "Delete a provider, and end the sessions that began by it."),
    Route("GET", "/auth/oidc/{id}/start", ProviderEndpoints.start, Door.OPEN, "Send a browser to a provider.", query=StartQuery, status=302, redirects=True),
    Route("GET", "/auth/oidc/{id}/callback", ProviderEndpoints.callback, Door.OPEN, "Take a browser back from a provider.", query=CallbackQuery, status=302, redirects=True),
    Route("POST", "/auth/oidc/{id}/logout", ProviderEndpoints.logout, Door.OPEN, "End the sessions of who has signed out at the provider (OpenID Connect Back-Channel Logout).", body=LogoutForm, oauth=True),
    Route("GET", "/auth/sessions", AccountEndpoints.sessions, Door.SESSION, "List your sessions, or as an administrator those of any user.", query=SessionQuery, answer=Session, listing=True),
    Route("DELETE", "/auth/sessions/{id}", AccountEndpoints.end_session, Door.SESSION, "End a session."),
    Route("GET", "/auth/me", OwnAccountEndpoints.me, Door.ANY_USER, "Get your own user.", answer=Me),
    Route("GET", "/auth/permissions", RightsEndpoints.own, Door.ANY_USER, "Get what you may do.", answer=PermissionSet),
    Route("GET", "/auth/me/preferences", OwnAccountEndpoints.preferences, Door.SESSION, "Get your console preferences.", answer=dict[str, Any]),
    Route("PUT", "/auth/me/preferences", OwnAccountEndpoints.set_preferences, Door.SESSION, "Replace your console preferences with an object of up to 64 KiB.", body=dict[str, Any], answer=dict[str, Any]),
    Route("GET", "/users", UserEndpoints.list_users, "users:list", "List users.", query=ListQuery, answer=User, listing=True),
    Route("POST", "/users", UserEndpoints.create_user, "users:create", "Create a user.", body=UserBody, answer=User, status=201),
    Route("GET", "/users/{id}", UserEndpoints.get_user, "users:get", "Get a user.", answer=User),
    Route("PATCH", "/users/{id}", UserEndpoints.change_user, "users:update", "Change a user.", body=UserPatch, answer=User),
    Route("DELETE", "/users/{id}", UserEndpoints.delete_user, "users:delete", "Delete a user."),
    Route("GET", "/api-keys", ApiKeyEndpoints.list_api_keys, Door.ANY_USER, "List your API keys, or as an administrator all of them.", query=ListQuery, answer=ApiKey, listing=True),
    Route("POST", "/api-keys", ApiKeyEndpoints.create_api_key, Door.SESSION, "Create an API key; its secret is shown once.", body=ApiKeyBody, answer=ApiKey, status=201, secret=True),
    Route("DELETE", "/api-keys/{id}", ApiKeyEndpoints.delete_api_key, Door.ANY_USER, "Delete an API key."),

    Route("GET", "/users/{id}/access", RightsEndpoints.access, "users:get", "Get whether a user has a right, and by which bindings.", query=AccessQuery, answer=AccessItem),
    Route("GET", "/service-accounts", OrganisationEndpoints.services, "service-accounts:list", "List service accounts.", query=ListQuery, answer=ServiceItem, listing=True),
    Route("POST", "/service-accounts", OrganisationEndpoints.create_service, "service-accounts:create", "Create a service account: a member that nobody signs in as.", body=ServiceBody, answer=ServiceItem, status=201),
    Route("DELETE", "/service-accounts/{id}", OrganisationEndpoints.delete_service, "service-accounts:delete", "Delete a service account and its API keys."),
    Route("GET", "/invitations", OrganisationEndpoints.invitations, "invitations:list", "List open invitations.", query=ListQuery, answer=InvitationItem, listing=True),
    Route("POST", "/invitations", OrganisationEndpoints.invite, "invitations:create", "Invite somebody; the link is shown once.", body=InvitationBody, answer=InvitationItem, status=201, secret=True),
    Route("DELETE", "/invitations/{id}", OrganisationEndpoints.withdraw, "invitations:delete", "Withdraw an invitation."),
    Route("POST", "/invitations/accept", OrganisationEndpoints.accept, Door.OPEN, "Accept an invitation, as yourself or with a new account.", body=AcceptBody, answer=Login, secret=True),
    Route("GET", "/teams", RightsEndpoints.teams, "teams:list", "List teams.", query=ListQuery, answer=TeamItem, listing=True),
    Route("POST", "/teams", RightsEndpoints.create_team, "teams:create", "Create a team.", body=TeamBody, answer=TeamItem, status=201),
    Route("GET", "/teams/{id}", RightsEndpoints.team, "teams:get", "Get a team.", answer=TeamItem),
    Route("PUT", "/teams/{id}", RightsEndpoints.rename_team, "teams:update", "Rename a team.", body=TeamBody, answer=TeamItem),
    Route("DELETE", "/teams/{id}", RightsEndpoints.delete_team, "teams:delete", "Delete a team, but not its members."),
    Route("GET", "/teams/{id}/members", RightsEndpoints.team_members, "teams:get", "List members of a team.", answer=list[TeamMemberItem]),
    Route("POST", "/teams/{id}/members", RightsEndpoints.add_to_team, "teams:update", "Add users to a team.", body=TeamMembersBody, answer=TeamItem),
    Route("DELETE", "/teams/{id}/members", RightsEndpoints.remove_from_team, "teams:update", "Remove users from a team.", body=TeamMembersBody, answer=TeamItem),
    Route("GET", "/permissions", RightsEndpoints.permissions, Door.ANY_USER, "List what there is to have a right to.", answer=list[PermissionItem]),
    Route("GET", "/roles", RightsEndpoints.roles, "roles:list", "List roles.", answer=list[RoleItem]),
    Route("POST", "/roles", RightsEndpoints.create_role, "roles:create", "Create a role.", body=RoleBody, answer=RoleItem, status=201),
    Route("GET", "/roles/{name}", RightsEndpoints.role, "roles:get", "Get a role.", answer=RoleItem),
    Route("PUT", "/roles/{name}", RightsEndpoints.change_role, "roles:update", "Replace the rules of a role.", body=RulesBody, answer=RoleItem),
    Route("DELETE", "/roles/{name}", RightsEndpoints.delete_role, "roles:delete", "Delete a role that is not bound."),
    Route("GET", "/secrets", SecretEndpoints.list, "secrets:list", "List secrets, without their values.", query=ListQuery, answer=SecretItem, listing=True),
    Route("POST", "/secrets", SecretEndpoints.create, "secrets:create", "Create a secret.", body=SecretBody, answer=SecretItem, status=201),
    Route("GET", "/secrets/{name}", SecretEndpoints.get, "secrets:get", "Get a secret, without its values.", answer=SecretItem),
    Route("PUT", "/secrets/{name}", SecretEndpoints.replace, "secrets:update", "Replace the values of a secret.", body=SecretDataBody, answer=SecretItem),
    Route("DELETE", "/secrets/{name}", SecretEndpoints.delete, "secrets:delete", "Delete a secret."),
    Route("GET", "/role-bindings", RightsEndpoints.bindings, "role-bindings:list", "List bindings of roles.", query=BindingQuery, answer=BindingItem, listing=True),
    Route("POST", "/role-bindings", RightsEndpoints.bind, "role-bindings:create", "Bind a role to somebody, everywhere or over a group or device.", body=BindingBody, answer=BindingItem, status=201),
    Route("DELETE", "/role-bindings/{id}", RightsEndpoints.unbind, "role-bindings:delete", "Delete a binding."),
    Route("GET", "/orgs", OrganisationEndpoints.list, Door.INSTANCE, "List organisations.", answer=list[OrgItem]),
    Route("POST", "/orgs", OrganisationEndpoints.create, Door.INSTANCE, "Create an organisation; you are its first administrator.", body=OrgBody, answer=OrgItem, status=201),
    Route("GET", "/orgs/{id}", OrganisationEndpoints.get, Door.INSTANCE, "Get an organisation.", answer=OrgItem),
    Route("PATCH", "/orgs/{id}", OrganisationEndpoints.change, Door.INSTANCE, "Change name and time zone of an organisation.", body=OrgPatch, answer=OrgItem),
    Route("DELETE", "/orgs/{id}", OrganisationEndpoints.end, Door.INSTANCE, "Delete an organisation and everything in it.", query=OrgDeletion, status=202),

    Route("POST", "/devices/{id}/token", EnrollmentEndpoints.token, Door.ENROLL, "Enrol a device, or renew its token.", query=TokenQuery, answer=DeviceToken, secret=True),
    Route("POST", "/devices/{id}/certificate", EnrollmentEndpoints.certificate, Door.ENROLL, "Enrol a device, or renew its certificate.", query=TokenQuery, body=CertificateBody, answer=DeviceCertificate),
    Route("GET", "/ca", CertificateEndpoints.authority, Door.OPEN, "Get the authorities whose certificates count, in PEM.", raw_answer=True),
    Route("GET", "/certificates", CertificateEndpoints.list, "certificates:list", "List certificates of devices, newest first.", query=CertificatesQuery, answer=CertificateItem, listing=True),
    Route("POST", "/certificates/{serial}/revoke", CertificateEndpoints.revoke, "certificates:update", "Revoke a certificate, and end a line that was opened with it.", body=RevocationBody),
    Route("GET", "/enrollment-tokens", EnrollmentEndpoints.tokens, "enrollment-tokens:list", "List enrolment tokens, newest first.", query=ListQuery, answer=EnrollmentTokenItem, listing=True),
    Route("POST", "/enrollment-tokens", EnrollmentEndpoints.create, "enrollment-tokens:create", "Make an enrolment token, which is shown once.", body=EnrollmentTokenBody, answer=EnrollmentTokenItem, status=201, secret=True),
    Route("POST", "/enrollment-tokens/{id}/take-over", EnrollmentEndpoints.take_over, "enrollment-tokens:create", "Take over an enrolment token: it admits devices while the caller may make one.", answer=EnrollmentTokenItem),
    Route("DELETE", "/enrollment-tokens/{id}", EnrollmentEndpoints.delete, "enrollment-tokens:delete", "Delete an enrolment token; devices that came in by it stay."),
    Route("GET", "/enrollment-requests", EnrollmentEndpoints.requests, "devices:list", "List the devices that wait for an administrator, newest first.", query=ListQuery, answer=EnrollmentRequestItem, listing=True),
    Route("POST", "/devices/{id}/approve", EnrollmentEndpoints.approve, "enrollment-tokens:update", "Let in the device that waits with this fingerprint.", body=ApprovalBody),
    Route("POST", "/devices/{id}/reject", EnrollmentEndpoints.reject, "enrollment-tokens:update", "Keep out the device that waits with this fingerprint.", body=RejectionBody),
    Route("POST", "/devices/{id}/allow-reenroll", EnrollmentEndpoints.allow_reenroll, "enrollment-tokens:update", "Let a known device enrol again, once, within 10 minutes.", answer=Reopened),
    Route("GET", "/devices", DeviceEndpoints.list, "devices:list", "List devices.", query=DeviceQuery, answer=Device, listing=True),
    Route("POST", "/devices", DeviceEndpoints.create, "devices:create", "Register a device.", body=DeviceBody, answer=Device, status=201),
    Route("GET", "/devices/connected", DeviceEndpoints.connected, "devices:list", "List connected devices, newest connection first.", query=ListQuery, answer=ConnectedDevice, listing=True),
    Route("POST", "/devices/query/explain", QueryEndpoints.explain, "devices:list", "Explain a query: its tree, and whether it is trusted or volatile.", body=ExplainBody, answer=Explanation),
    Route("POST", "/devices/bulk", BulkEndpoints.bulk, "devices:update", "Label, delete, quarantine or release many devices, or count them in a dry run.", body=DeviceBulkBody, answer=DeviceBulk),
    Route("GET", "/devices/{id}", DeviceEndpoints.get, "devices:get", "Get a device.", answer=Device),
    Route("PATCH", "/devices/{id}", DeviceEndpoints.change, "devices:update", "Change a device.", body=DevicePatch, answer=Device),
    Route("DELETE", "/devices/{id}", DeviceEndpoints.delete, "devices:delete", "Delete a device; it cannot enrol again by itself."),
    Route("POST", "/devices/{id}/quarantine", QuarantineEndpoints.begin, "devices/quarantine:update", "Put a device into quarantine: it keeps its line, but nothing is taken of it or sent to it.", body=QuarantineBody, answer=Device),
    Route("POST", "/devices/{id}/release", QuarantineEndpoints.release, "devices/quarantine:update", "Release a device from quarantine; it comes back with what it kept.", body=ReleaseBody, optional_body=True, answer=Device),
    Route("PUT", "/devices/{id}/connection-mode", DeviceEndpoints.connection_mode, "devices:update", "Set where a device sends production data.", body=ConnectionModeBody, answer=Device),
    Route("GET", "/devices/{id}/logs", TelemetryEndpoints.logs, "telemetry:list", "List log lines of a device.", exists=DeviceEndpoints.exists, query=LogQuery, answer=LogRecord, listing=True),
    Route("GET", "/devices/{id}/events", TelemetryEndpoints.events, "telemetry:list", "List events of a device.", exists=DeviceEndpoints.exists, query=EventQuery, answer=EventRecord, listing=True),
    Route("GET", "/devices/{id}/states", TelemetryEndpoints.states, "telemetry:list", "List state and presence changes of a device.", exists=DeviceEndpoints.exists, query=StateQuery, answer=list[StateChange]),
    Route("GET", "/devices/{id}/metrics", TelemetryEndpoints.metrics, "telemetry:list", "Get one metric of a device, aggregated in steps.", exists=DeviceEndpoints.exists, query=MetricQuery, answer=list[MetricPoint]),
    Route("GET", "/devices/{id}/metrics/names", TelemetryEndpoints.metric_names, "telemetry:list", "List the metric names of a device.", exists=DeviceEndpoints.exists, answer=list[str]),
    Route("GET", "/devices/{id}/logs/sources", TelemetryEndpoints.log_sources, "telemetry:list", "List the log sources of a device.", exists=DeviceEndpoints.exists, answer=list[str]),
    Route("GET", "/devices/{id}/config", ConfigEndpoints.get, "configurations:get", "Get the desired and the reported configuration.", exists=DeviceEndpoints.exists, answer=Config),
    Route("POST", "/devices/{id}/config/retry", ConfigEndpoints.retry, "configurations:update", "Hand over again a configuration that the device refused.", answer=Config),
    Route("POST", "/devices/{id}/config/revert", ConfigEndpoints.revert, "configurations:update", "Revert to an earlier configuration version.", body=RevertBody, answer=Config),
    Route("GET", "/devices/{id}/config/history", ConfigEndpoints.history, "configurations:list", "List configuration pushes and their outcomes.", exists=DeviceEndpoints.exists, query=ListQuery, answer=ConfigChange, listing=True),

    Route("GET", "/devices/{id}/software", PinEndpoints.get, "devices:get", "Get the pinned versions of a device's software.", exists=DeviceEndpoints.exists, answer=PinnedSoftware),
    Route("PUT", "/devices/{id}/software", PinEndpoints.set, "pins:update", "Set the pinned versions of a device's software, and which barred artifacts it may take again.", body=PinsBody, answer=PinnedSoftware),
    Route("POST", "/campaigns", CampaignEndpoints.create, "campaigns:create", "Begin a campaign, or with `dryRun` say whom it would be for.", body=CampaignBody, answer=CampaignItem, status=201),
    Route("GET", "/campaigns", CampaignEndpoints.list, "campaigns:list", "List campaigns, also deployments and roll-outs.", query=ListQuery, answer=CampaignItem, listing=True),
    Route("GET", "/campaigns/{id}", CampaignEndpoints.get, "campaigns:get", "Get a campaign.", answer=CampaignItem),
    Route("GET", "/campaigns/{id}/devices", CampaignEndpoints.devices, "campaigns:get", "List devices of a campaign, in the order of their turns.", query=CampaignDevicesQuery, answer=CampaignDevice, listing=True),
    Route("POST", "/campaigns/{id}/pause", CampaignEndpoints.pause, "campaigns:update", "Pause a campaign.", answer=CampaignItem),
    Route("POST", "/campaigns/{id}/resume", CampaignEndpoints.resume, "campaigns:update", "Resume a campaign.", answer=CampaignItem),
    Route("POST", "/campaigns/{id}/abort", CampaignEndpoints.abort, "campaigns:update", "Abort a campaign.", answer=CampaignItem),
    Route("PUT", "/campaigns/{id}/owner", CampaignEndpoints.give, "campaigns:update", "Make a member the owner of a campaign.", body=CampaignOwnerBody, answer=CampaignItem),
    Route("POST", "/campaigns/{id}/approve", CampaignEndpoints.approve, "campaigns:update", "Let the next wave begin.", body=WaveBody, answer=CampaignItem),
    Route("POST", "/campaigns/{id}/retry", CampaignEndpoints.retry, "campaigns:update", "Open a finished campaign again, for the devices that failed.", body=RetryBody, optional_body=True, answer=CampaignItem),
    Route("GET", "/devices/{id}/deployments", DeploymentEndpoints.of_device, "campaigns:list", "List the newest deployments of a device.", exists=DeviceEndpoints.exists, answer=list[DeviceDeployment]),

    Route("GET", "/devices/{id}/workloads", WorkloadEndpoints.workloads, "workloads:list", "List what a device shall run, and what it says of it.", exists=DeviceEndpoints.exists, answer=list[WorkloadItem]),
    Route("POST", "/devices/{id}/workloads/{name}/{service}/stop", WorkloadEndpoints.stop, "workloads:update", "Stop a service on a device: it stays so until it is started.", exists=DeviceEndpoints.exists, answer=WorkloadItem),
    Route("POST", "/devices/{id}/workloads/{name}/{service}/start", WorkloadEndpoints.start, "workloads:update", "Start a service on a device that was stopped.", exists=DeviceEndpoints.exists, answer=WorkloadItem),
    Route("POST", "/devices/{id}/workloads/{name}/{service}/restart", WorkloadEndpoints.restart, DISPATCH, "Start the container of a service anew, once.", exists=DeviceEndpoints.exists, answer=CommandResult),
    Route("GET", "/devices/{id}/applications/{name}", WorkloadEndpoints.assignment, "workloads:get", "Get which revision of an application a device shall run.", exists=DeviceEndpoints.exists, answer=AssignmentItem),
    Route("PUT", "/devices/{id}/applications/{name}", WorkloadEndpoints.assign, "workloads:update", "Assign an application to a device by hand.", exists=DeviceEndpoints.exists, body=AssignmentBody, optional_body=True, answer=AssignmentItem),
    Route("DELETE", "/devices/{id}/applications/{name}", WorkloadEndpoints.unassign, "workloads:update", "Remove an application from a device; its named volumes stay unless they are to go.", exists=DeviceEndpoints.exists, query=RemovalQuery),
    Route("GET", "/devices/{id}/variables", WorkloadEndpoints.variables, "devices:get", "Get the variables that are filled into applications on a device.", exists=DeviceEndpoints.exists, answer=dict[str, str]),
    Route("PUT", "/devices/{id}/variables", WorkloadEndpoints.put_variables, "devices:update", "Replace the variables of a device; that moves nothing by itself.", exists=DeviceEndpoints.exists, body=dict[str, str], answer=dict[str, str]),
    Route("GET", "/applications", ApplicationEndpoints.list, "applications:list", "List applications.", query=ListQuery, answer=ApplicationItem, listing=True),
    Route("POST", "/applications", ApplicationEndpoints.create, "applications:create", "Create an application from a Compose file, with its first revision.", body=ApplicationBody, yaml_member="compose", answer=ApplicationDetail, status=201),
    Route("POST", "/applications/normalise", ApplicationEndpoints.normalise, "applications:list", "Get the canonical form of a Compose file, and the hash that is signed.", body=ComposeBody, yaml_member="compose", answer=NormalForm),
    Route("GET", "/applications/{name}", ApplicationEndpoints.get, "applications:get", "Get an application.", answer=ApplicationItem),
    Route("PUT", "/applications/{name}", ApplicationEndpoints.change, "applications:update", "Change an application: new content is a new revision, and moves nothing.", body=ApplicationChange, yaml_member="compose", answer=ApplicationDetail),
    Route("DELETE", "/applications/{name}", ApplicationEndpoints.delete, "applications:delete", "Delete an application, and remove it from every device."),
    Route("GET", "/applications/{name}/revisions", ApplicationEndpoints.revisions, "applications:get", "List the revisions of an application.", query=ListQuery, answer=RevisionItem, listing=True),
    Route("PUT", "/applications/{name}/current", ApplicationEndpoints.set_current, "applications:update", "Set the revision that a device gets which comes to match.", body=CurrentBody, answer=ApplicationItem),
    Route("GET", "/applications/{name}/devices", ApplicationEndpoints.devices, "workloads:list", "List where an application runs.", query=ListQuery, answer=WorkloadItem, listing=True),
    Route("GET", "/applications/{name}/states", ApplicationEndpoints.states, "workloads:list", "Count the services of an application on devices, by their state.", answer=dict[str, int]),
    Route("POST", "/applications/{name}/rollouts", RollOutEndpoints.create, "campaigns:create", "Roll out a revision in waves.", body=RollOutBody, answer=RollOutItem, status=201),
    Route("GET", "/applications/{name}/rollouts", RollOutEndpoints.list, "campaigns:list", "List the roll-outs of an application.", query=ListQuery, answer=RollOutItem, listing=True),
    Route("GET", "/applications/{name}/rollouts/{id}", RollOutEndpoints.get, "campaigns:get", "Get a roll-out.", answer=RollOutItem),
    Route("GET", "/applications/{name}/rollouts/{id}/devices", RollOutEndpoints.devices, "campaigns:get", "List devices of a roll-out.", query=ListQuery, answer=CampaignDevice, listing=True),
    Route("POST", "/applications/{name}/rollouts/{id}/pause", RollOutEndpoints.pause, "campaigns:update", "Pause a roll-out.", answer=RollOutItem),
    Route("POST", "/applications/{name}/rollouts/{id}/resume", RollOutEndpoints.resume, "campaigns:update", "Resume a roll-out.", answer=RollOutItem),
    Route("POST", "/applications/{name}/rollouts/{id}/abort", RollOutEndpoints.abort, "campaigns:update", "Abort a roll-out.", answer=RollOutItem),
    Route("GET", "/config-maps", WorkloadDataEndpoints.list_config_maps, "config-maps:list", "List config maps.", query=ListQuery, answer=ConfigMapItem, listing=True),
    Route("POST", "/config-maps", WorkloadDataEndpoints.create_config_map, "config-maps:create", "Create a config map.", body=ConfigMapBody, answer=ConfigMapItem, status=201),
    Route("GET", "/config-maps/{name}", WorkloadDataEndpoints.get_config_map, "config-maps:get", "Get a config map.", answer=ConfigMapItem),
    Route("PUT", "/config-maps/{name}", WorkloadDataEndpoints.replace_config_map, "config-maps:update", "Replace the content of a config map: a new version, which moves nothing.", body=ConfigMapDataBody, answer=ConfigMapItem),
    Route("DELETE", "/config-maps/{name}", WorkloadDataEndpoints.delete_config_map, "config-maps:delete", "Delete a config map that no revision names."),
    Route("GET", "/registries", WorkloadDataEndpoints.list_registries, "registries:list", "List registries, without their passwords.", query=ListQuery, answer=RegistryItem, listing=True),
    Route("POST", "/registries", WorkloadDataEndpoints.create_registry, "registries:create", "Create a registry.", body=RegistryBody, answer=RegistryItem, status=201),
    Route("GET", "/registries/{name}", WorkloadDataEndpoints.get_registry, "registries:get", "Get a registry, without its password.", answer=RegistryItem),
    Route("PUT", "/registries/{name}", WorkloadDataEndpoints.replace_registry, "registries:update", "Replace a registry; devices that need it get it.", body=RegistryChange, answer=RegistryItem),
    Route("DELETE", "/registries/{name}", WorkloadDataEndpoints.delete_registry, "registries:delete", "Delete a registry that no revision has an image of."),

    Route("GET", "/events", HistoryEndpoints.events, "events:list", "List events of all devices, or export them.", query=EventsQuery, answer=dict[str, Any], listing=True),
    Route("GET", "/logs", HistoryEndpoints.logs, "events:list", "Search log lines of all devices, or export them.", query=LogsQuery, answer=dict[str, Any], listing=True),
    Route("GET", "/events/stream", EventStreamEndpoints.open, "events:list", "Follow events, as server-sent events.", query=StreamQuery, is_stream=True),
    Route("GET", "/fleet/metrics", TelemetryEndpoints.fleet_metrics, "telemetry:list", "Get one metric of up to 200 devices, aggregated in steps.", query=FleetMetricQuery, answer=dict[str, list[MetricPoint]]),
    Route("POST", "/fleet/metrics", TelemetryEndpoints.many_metrics, "telemetry:list", "Get one metric of up to 200 devices, with the ids in the body.", body=FleetMetricBody, answer=dict[str, list[MetricPoint]]),

    Route("POST", "/devices/{id}/commands", CommandEndpoints.dispatch, DISPATCH, "Dispatch a command.", body=DispatchBody, answer=CommandResult),
    Route("DELETE", "/devices/{id}/commands", CommandEndpoints.cancel_pending, DISPATCH, "Cancel the waiting commands of a device.", exists=DeviceEndpoints.exists, query=PendingQuery, answer=Cancelled, status=202),
    Route("GET", "/devices/{id}/commands", CommandEndpoints.history, "commands:list", "List commands of a device.", exists=DeviceEndpoints.exists, query=HistoryQuery, answer=CommandRecord, listing=True),
    Route("GET", "/devices/{id}/commands/{command_id}", CommandEndpoints.get, "commands:get", "Get a command.", answer=CommandRecord),
    Route("DELETE", "/devices/{id}/commands/{command_id}", CommandEndpoints.cancel, DISPATCH, "Cancel a command.", answer=CommandRecord, status=202),
    Route("GET", "/commands", CommandEndpoints.list, "commands:list", "List commands of all devices.", query=CommandsQuery, answer=CommandRecord, listing=True),
    Route("POST", "/commands/bulk", CommandEndpoints.bulk, DISPATCH, "Dispatch one command to many devices.", body=BulkBody, answer=dict[str, CommandResult]),

    Route("GET", "/command-types", OwnEndpoints.types, "commands:list", "List the command types that all these devices have.", query=CommandTypesQuery, answer=list[CommandTypeItem]),

    Route("POST", "/device-groups", GroupEndpoints.create, "device-groups:create", "Create a group.", body=GroupBody, answer=Group, status=201),
    Route("GET", "/device-groups", GroupEndpoints.list, "device-groups:list", "List groups.", query=ListQuery, answer=Group, listing=True),
    Route("GET", "/device-groups/{id}", GroupEndpoints.get, "device-groups:get", "Get a group.", answer=Group),
    Route("PUT", "/device-groups/{id}", GroupEndpoints.change, "device-groups:update", "Change a group.", body=GroupBody, answer=Group),
    Route("DELETE", "/device-groups/{id}", GroupEndpoints.delete, "device-groups:delete", "Delete a group, but not its devices."),
    Route("GET", "/device-groups/{id}/members", GroupEndpoints.members, "device-groups:get", "List devices of a group.", query=ListQuery, answer=Device, listing=True),
    Route("POST", "/device-groups/{id}/members", GroupEndpoints.add, "device-groups:update", "Add devices to a group.", body=MembersBody, answer=Group),
    Route("DELETE", "/device-groups/{id}/members", GroupEndpoints.remove, "device-groups:update", "Remove devices from a group.", body=MembersBody, answer=Group),
    Route("GET", "/device-groups/{id}/config", GroupConfigEndpoints.get, "configurations:get", "Get what a group gives of the configuration.", answer=GroupConfig),
    Route("PUT", "/device-groups/{id}/config", GroupConfigEndpoints.set, "configurations:update", "Set what a group gives of the configuration.", body=GroupConfigBody, answer=GroupConfigOutcome),
    Route("DELETE", "/device-groups/{id}/config", GroupConfigEndpoints.delete, "configurations:update", "Delete what a group gives of the configuration."),
    Route("POST", "/device-groups/{id}/commands", GroupEndpoints.dispatch, DISPATCH, "Dispatch one command to a group.", body=DispatchBody, answer=dict[str, CommandResult]),

    Route("POST", "/firmware/releases", FirmwareEndpoints.upload, "releases:create", "Upload a release.", query=UploadQuery, answer=Release, status=201, raw_body=True),
    Route("GET", "/firmware/releases", FirmwareEndpoints.list, "releases:list", "List releases.", query=ListQuery, answer=Release, listing=True),
    Route("GET", "/firmware/releases/{id}", FirmwareEndpoints.get, "releases:get", "Get a release.", answer=Release),
    Route("GET", "/firmware/releases/{id}/artifact", FirmwareEndpoints.artifact, "artifacts:get", "Download an artifact.", raw_answer=True),
    Route("DELETE", "/firmware/releases/{id}", FirmwareEndpoints.delete, "releases:delete", "Delete a release that no deployment uses."),
    Route("PUT", "/firmware/releases/{id}/signature", FirmwareEndpoints.sign, "releases:update", "Attach a detached Ed25519 signature.", body=SignatureBody, answer=Release),
    Route("GET", "/firmware/signing-keys", FirmwareEndpoints.list_keys, "signing-keys:list", "List the public keys that verify releases.", query=ListQuery, answer=SigningKey, listing=True),
    Route("POST", "/firmware/signing-keys", FirmwareEndpoints.add_key, "signing-keys:create", "Add a public key.", body=KeyBody, answer=SigningKey, status=201),
    Route("DELETE", "/firmware/signing-keys/{id}", FirmwareEndpoints.delete_key, "signing-keys:delete", "Delete a public key that no release uses."),
    Route("POST", "/firmware/deployments", DeploymentEndpoints.create, "campaigns:create", "Create a deployment.", body=DeploymentBody, answer=Deployment, status=201),
    Route("GET", "/firmware/deployments", DeploymentEndpoints.list, "campaigns:list", "List deployments.", query=ListQuery, answer=Deployment, listing=True),
    Route("GET", "/firmware/deployments/{id}", DeploymentEndpoints.get, "campaigns:get", "Get a deployment.", answer=Deployment),
    Route("GET", "/firmware/deployments/{id}/devices", DeploymentEndpoints.devices, "campaigns:get", "List devices of a deployment, in rollout order.", query=ListQuery, answer=CampaignDevice, listing=True),
    Route("POST", "/firmware/deployments/{id}/pause", DeploymentEndpoints.pause, "campaigns:update", "Pause a deployment.", answer=Deployment),
    Route("POST", "/firmware/deployments/{id}/resume", DeploymentEndpoints.resume, "campaigns:update", "Resume a deployment.", answer=Deployment),
    Route("GET", "/firmware/penalties", DeploymentEndpoints.penalties, "penalties:list", "List devices held back after failed updates.", query=ListQuery, answer=HeldBack, listing=True),
    Route("POST", "/devices/{id}/penalty/clear", DeploymentEndpoints.clear_penalty, "penalties:delete", "Clear the update penalty of a device."),
    Route("POST", "/firmware/deployments/{id}/abort", DeploymentEndpoints.abort, "campaigns:update", "Abort a deployment.", answer=Deployment),

    Route("POST", "/devices/{id}/sessions", SessionEndpoints.open, Door.ANY_USER, "Open a session on a device: a terminal, a program, logs, a file, or a forward.", exists=DeviceEndpoints.exists, body=SessionBody, answer=OpenedSession, status=201),
    Route("GET", "/sessions", SessionEndpoints.list, Door.ANY_USER, "List sessions on devices, newest first.", query=SessionsQuery, answer=SessionItem, listing=True),
    Route("GET", "/sessions/{id}", SessionEndpoints.get, Door.ANY_USER, "Get a session on a device.", answer=SessionItem),
    Route("DELETE", "/sessions/{id}", SessionEndpoints.delete, Door.ANY_USER, "End a session on a device.", answer=SessionItem),
    Route("GET", "/sessions/{id}/recording", SessionEndpoints.recording, RECORDINGS, "Get what a terminal has shown, as asciicast v2.", raw_answer=True),

    Route("GET", "/approvals", ApprovalEndpoints.list, "approvals:list", "List calls that wait, or waited, for a second person.", query=ApprovalQuery, answer=ApprovalItem, listing=True),
    Route("GET", "/approvals/{id}", ApprovalEndpoints.get, "approvals:get", "Get a call that waits, or waited, for a second person.", answer=ApprovalItem),
    Route("DELETE", "/approvals/{id}", ApprovalEndpoints.withdraw, Door.ANY_USER, "Take back a call of your own that waits for a second person.", answer=ApprovalItem),
    Route("POST", "/approvals/{id}/approve", ApprovalEndpoints.approve, "approvals:update", "Approve what another account asked for: it is carried out now.", body=DecisionBody, optional_body=True, answer=ApprovalItem),
    Route("POST", "/approvals/{id}/reject", ApprovalEndpoints.reject, "approvals:update", "Reject what another account asked for.", body=DecisionBody, optional_body=True, answer=ApprovalItem),

    Route("GET", "/schedules", ScheduleEndpoints.list, "schedules:list", "List schedules.", query=ListQuery, answer=ScheduleItem, listing=True),
    Route("POST", "/schedules", ScheduleEndpoints.create, "schedules:create", "Create a schedule; it may wait for an approval.", body=ScheduleBody, answer=ScheduleItem, status=201),
    Route("POST", "/schedules/preview", ScheduleEndpoints.preview, "schedules:list", "Get the times at which an expression comes.", body=SchedulePreviewBody, answer=list[str]),
    Route("GET", "/schedules/{id}", ScheduleEndpoints.get, "schedules:get", "Get a schedule.", answer=ScheduleItem),
    Route("PUT", "/schedules/{id}", ScheduleEndpoints.replace, "schedules:update", "Replace a schedule; you are its owner from then on.", body=ScheduleBody, answer=ScheduleItem),
    Route("DELETE", "/schedules/{id}", ScheduleEndpoints.delete, "schedules:delete", "Delete a schedule and its runs."),
    Route("PUT", "/schedules/{id}/owner", ScheduleEndpoints.give, "schedules:update", "Make a member the owner of a schedule.", body=ScheduleOwnerBody, answer=ScheduleItem),
    Route("POST", "/schedules/{id}/run", ScheduleEndpoints.run, "schedules:update", "Run a schedule now.", answer=ScheduleRunItem, status=202),
    Route("GET", "/schedules/{id}/runs", ScheduleEndpoints.runs, "schedules:get", "List runs of a schedule, newest first.", query=ListQuery, answer=ScheduleRunItem, listing=True),

    Route("GET", "/alerts", AlertEndpoints.list, "alerts:list", "List alerts, newest first.", query=AlertsQuery, answer=AlertItem, listing=True),
    Route("POST", "/alerts/bulk", AlertEndpoints.bulk, "alerts:update", "Acknowledge or resolve many alerts.", body=AlertBulkBody, answer=AlertBulk),
    Route("GET", "/alerts/{id}", AlertEndpoints.get, "alerts:get", "Get an alert.", answer=AlertItem),
    Route("POST", "/alerts/{id}/acknowledge", AlertEndpoints.acknowledge, "alerts:update", "Acknowledge an alert.", body=AlertDeedBody, optional_body=True, answer=AlertItem),
    Route("POST", "/alerts/{id}/resolve", AlertEndpoints.resolve, "alerts:update", "Resolve an alert by hand.", body=AlertDeedBody, optional_body=True, answer=AlertItem),
    Route("GET", "/alert-rules", RuleEndpoints.list, "alert-rules:list", "List alert rules.", query=ListQuery, answer=RuleItem, listing=True),
    Route("POST", "/alert-rules", RuleEndpoints.create, "alert-rules:create", "Create an alert rule.", body=AlertRuleBody, answer=RuleItem, status=201),
    Route("POST", "/alert-rules/preview", RuleEndpoints.preview, "alert-rules:create", "Get what a rule would have raised, by the events that are stored.", body=PreviewBody, answer=list[PreviewItem]),
    Route("GET", "/alert-rules/{id}", RuleEndpoints.get, "alert-rules:get", "Get an alert rule.", answer=RuleItem),
    Route("PUT", "/alert-rules/{id}", RuleEndpoints.replace, "alert-rules:update", "Replace an alert rule; what it has raised is over, and you are its owner from then on.", body=AlertRuleBody, answer=RuleItem),
    Route("DELETE", "/alert-rules/{id}", RuleEndpoints.delete, "alert-rules:delete", "Delete an alert rule; what it has raised is over."),
    Route("PUT", "/alert-rules/{id}/owner", RuleEndpoints.give, "alert-rules:update", "Make a member the owner of an alert rule.", body=RuleOwnerBody, answer=RuleItem),
    Route("GET", "/notification-channels", ChannelEndpoints.list, "notification-channels:list", "List channels.", query=ListQuery, answer=ChannelItem, listing=True),
    Route("POST", "/notification-channels", ChannelEndpoints.create, "notification-channels:create", "Create a channel; a secret that the hub makes is shown once.", body=ChannelBody, answer=ChannelItem, status=201, secret=True),
    Route("GET", "/notification-channels/{id}", ChannelEndpoints.get, "notification-channels:get", "Get a channel, without its secret.", answer=ChannelItem),
    Route("PUT", "/notification-channels/{id}", ChannelEndpoints.replace, "notification-channels:update", "Replace a channel.", body=ChannelBody, answer=ChannelItem),
    Route("DELETE", "/notification-channels/{id}", ChannelEndpoints.delete, "notification-channels:delete", "Delete a channel that no rule names."),
    Route("POST", "/notification-channels/{id}/test", ChannelEndpoints.test, "notification-channels:update", "Send a test message, and wait for the answer.", answer=ChannelTest),
    Route("GET", "/silences", ChannelEndpoints.silences, "silences:list", "List silences.", query=ListQuery, answer=SilenceItem, listing=True),
    Route("POST", "/silences", ChannelEndpoints.silence, "silences:create", "Tell nobody of some alerts for a while.", body=SilenceBody, answer=SilenceItem, status=201),
    Route("GET", "/silences/{id}", ChannelEndpoints.get_silence, "silences:get", "Get a silence.", answer=SilenceItem),
    Route("DELETE", "/silences/{id}", ChannelEndpoints.delete_silence, "silences:delete", "End a silence."),
    Route("GET", "/webhooks", WebhookEndpoints.list, "webhooks:list", "List webhooks.", query=ListQuery, answer=WebhookItem, listing=True),
    Route("POST", "/webhooks", WebhookEndpoints.create, "webhooks:create", "Create a webhook; its secret is shown once.", body=WebhookBody, answer=WebhookItem, status=201, secret=True),
    Route("GET", "/webhooks/{id}", WebhookEndpoints.get, "webhooks:get", "Get a webhook, without its secret.", answer=WebhookItem),
    Route("PUT", "/webhooks/{id}", WebhookEndpoints.replace, "webhooks:update", "Replace a webhook; you are its owner from then on.", body=WebhookBody, answer=WebhookItem),
    Route("DELETE", "/webhooks/{id}", WebhookEndpoints.delete, "webhooks:delete", "Delete a webhook and what waits for it."),
    Route("PUT", "/webhooks/{id}/owner", WebhookEndpoints.give, "webhooks:update", "Make a member the owner of a webhook.", body=WebhookOwnerBody, answer=WebhookItem),
    Route("POST", "/webhooks/{id}/rotate-secret", WebhookEndpoints.rotate, "webhooks:update", "Replace the secret of a webhook; it is shown once, and the former one signs too for a day.", answer=WebhookItem, secret=True),
    Route("POST", "/webhooks/{id}/test", WebhookEndpoints.test, "webhooks:update", "Deliver a test event, and wait for the answer.", answer=DeliveryItem),
    Route("GET", "/webhooks/{id}/deliveries", WebhookEndpoints.deliveries, "webhooks:get", "List what was delivered to a webhook, newest first.", query=ListQuery, answer=DeliveryItem, listing=True),
    Route("POST", "/webhooks/{id}/deliveries/{delivery_id}/redeliver", WebhookEndpoints.redeliver, "webhooks:update", "Deliver the same once more, and wait for the answer.", answer=DeliveryItem),

    Route("GET", "/config-schema", ConfigEndpoints.schema, "config-schema:get", "Get the configuration schema.", answer=ConfigSchema),
    Route("PUT", "/config-schema", ConfigEndpoints.set_schema, "config-schema:update", "Set the configuration schema.", body=SchemaBody, answer=ConfigSchema),
    Route("DELETE", "/config-schema", ConfigEndpoints.delete_schema, "config-schema:delete", "Delete the configuration schema."),

    Route("GET", "/device/desired/workloads", WorkloadEndpoints.desired, Door.DEVICE, "Get what the calling device shall run.", answer=WorkloadsSection, has_etag=True, secret=True),
    Route("GET", "/device/desired/{kind}", DesiredEndpoints.get, Door.DEVICE, "Get a section of the calling device's desired state.", answer=WantedDocument, has_etag=True),
    Route("POST", "/sync", EdgeEndpoints.sync, Door.DEVICE, "Upload production records.", body=SyncBody, parts=SyncParts, answer=SyncAnswer),
    Route("GET", "/edge-records", EdgeRecordEndpoints.records, "edge-records:list", "List records of production.", query=RecordsQuery, answer=RecordItem, listing=True),
    Route("GET", "/edge-records/counts", EdgeRecordEndpoints.counts, "edge-records:list", "Count records of production.", query=CountsQuery, answer=list[RecordCount]),
    Route("GET", "/devices/{id}/edge-records/{kind}/{recordId}", EdgeRecordEndpoints.record, "edge-records:get", "Get a record of production.", exists=DeviceEndpoints.exists, answer=RecordItem),
    Route("GET", "/cloud-sync", EdgeEndpoints.overview, "cloud-sync:get", "Get the state of the cloud queue.", answer=CloudSync),
    Route("GET", "/cloud-sync/dead-letters", EdgeEndpoints.dead_letters, "dead-letters:list", "List records that the cloud rejected.", query=ListQuery, answer=DeadLetter, listing=True),
    Route("DELETE", "/cloud-sync/dead-letters", EdgeEndpoints.discard_all, "dead-letters:delete", "Delete matching dead letters.", body=DeadLetterFilter, answer=Deleted),
    Route("POST", "/cloud-sync/dead-letters/retry", EdgeEndpoints.retry_all, "dead-letters:update", "Retry matching dead letters.", body=DeadLetterFilter, answer=Retried),
    Route("POST", "/cloud-sync/dead-letters/{id}/retry", EdgeEndpoints.retry, "dead-letters:update", "Retry a dead letter."),

    Route("GET", "/health", HealthEndpoints.health, "health:get", "Get the health of every replica and of the fleet.", answer=FleetHealth),
    Route("GET", "/usage", UsageEndpoints.days, "usage:get", "Get what the organisation has used, day by day.", query=UsageQuery, answer=list[UsageDay]),
    Route("GET", "/settings", SettingsEndpoints.get, "settings:get", "Get organisation settings.", answer=OrgSettings),
    Route("PATCH", "/settings", SettingsEndpoints.change, "settings:update", "Change organisation settings.", body=SettingsPatch, answer=OrgSettings),
    Route("POST", "/settings/enrollment-key", SettingsEndpoints.new_enrollment_key, "enrollment-keys:create", "Rotate the enrolment key; the new key is shown once.", answer=EnrollmentKey, secret=True),

    Route("GET", "/audit-log", AuditEndpoints.list, "audit-log:list", "List audit log entries.", query=AuditQuery, answer=AuditRow, listing=True),
)
