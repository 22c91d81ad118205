"""Every statement that reads, with values of a busy fleet and the pages that its answer needs.

The values are SQL. A page of a list is 100 rows, and one more tells whether there is another page.
In a heap that is in order these lie on some ten pages; rows that lie apart are a page each, and so
are the three levels of the index in which each of them is looked up.
"""

from typing import Final, NamedTuple

PAGE: Final = 101
"""Rows."""
KEY: Final = 4
"""Pages: an index of three levels, and the row."""
SMALL: Final = 15
"""Pages: one row, or a few, by their keys."""
MEMBER: Final = 20
"""Pages: an account, and the roles that it has by itself and its teams."""
_NEAR: Final = 25
"""Pages: `PAGE` rows that lie beside each other."""
_APART: Final = PAGE * KEY
"""Pages: `PAGE` rows that are found one by one."""
_PARTS: Final = 2
"""Pages: what a device has in one more partition, if nothing."""
_HOURS: Final = 15 * _PARTS + 30
"""Pages: the partitions of two days, and those ahead."""
_DAYS: Final = 37 * _PARTS + 76
"""Pages: the partitions of thirty days, and those ahead."""
_OPEN: Final = 2000
"""Pages: what there is to every session that is open, of a few hundred."""
_FEW: Final = "'{default,default,default}', '{d11,d12,d13}'"
_NOW: Final = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_THREE: Final = "'{d11,d12,d13}'"
_COMMANDS: Final = "'{default,default,default}', '{c11,c12,c13}'"


class Read(NamedTuple):
    statement: str
    values: str = ""
    pages: int = SMALL
    case: str = ""


def _list(statement: str, first: str, pages: int) -> list[Read]:
    """The first page, and one in the middle; `first` has `{before}` for the cursor."""
    middle = "now() - interval '10 days', 'm'"
    return [
        Read(statement, first.replace("{before}", "NULL, NULL"), pages, "first"),
        Read(statement, first.replace("{before}", middle), pages, "middle"),
    ]


def _filtered(
    statement: str, count: int, cases: dict[str, tuple[dict[int, str], int]]
) -> list[Read]:
    """`count` values, each null but for those that a case names by their numbers."""
    return [
        Read(statement, ", ".join(values.get(n, "NULL") for n in range(1, count + 1)), pages, case)
        for case, (values, pages) in cases.items()
    ]


_WORKLOADS: Final = [
    Read("workloads.application", "'default', 'a7'"),
    Read("workloads.lock_application", "'default', 'a7'"),
    *_list("workloads.applications", "'default', NULL, {before}, 101", _NEAR),
    Read("workloads.hold_data", "'default', '{c1,c2}', '{s1,s2}'"),
    Read("workloads.revision", "'default', 'a7', 'r7'"),
    Read("workloads.newest_revision", "'default', 'a7'"),
    Read("workloads.revisions", "'default', 'a7', NULL, 101", _NEAR),
    Read("workloads.compositions", "'{default,default,default}', '{a1,a2,a3}', '{r1,r2,r3}'"),
    Read("workloads.targeted", "", _NEAR),
    Read("assignments.targets", "'default'", _NEAR),
    Read("workload_data.lock_config_map", "'default', 'm7'"),
    Read("workload_data.config_map", "'default', 'm7'"),
    *_list("workload_data.config_maps", "'default', NULL, {before}, 101", _APART),
    Read("workload_data.config_map_sizes", "'default', '{m1,m2}'", 2 * SMALL),
    Read("workload_data.config_map_versions", "'{default,default}', '{m1,m2}', '{1,1}'"),
    Read("workload_data.registry", "'default', 'r7'"),
    Read("workload_data.is_taken", "'default', 'r7', 'h8'"),
    *_list("workload_data.registries", "'default', {before}, 101", 2 * _NEAR),
    Read("workload_data.registries_to_hand_over", ""),
    Read("workload_data.registries_of", "'{default,default}', '{h1,h2}'"),
    Read("assignments.standing", f"'default', {_THREE}, 'a1', '{{SITE}}'", 3 * 10 * KEY),
    Read("assignments.assignment", "'default', 'd77', 'a1'"),
    Read("assignments.assignments", f"'default', {_THREE}, NULL", 3 * 4 * KEY),
    Read("assignments.devices_of", "'default', 'a1', NULL, 101", _APART),
    Read("assignments.devices_of", "'default', 'a1', 'd5', 101", _APART, "middle"),
    Read("assignments.device_ids_of", "'default', 'a150'", _APART),
    Read("assignments.of_registry", "'default', 'h150', NULL", 4_000),  # there are few revisions
    Read("assignments.of_revision", "'default', 'a150', 'r1'"),
    Read("assignments.wanted", _FEW),
    Read("assignments.version", "'default', 'd77'"),
    Read("assignments.documents", _FEW, 3 * 4 * KEY),
    Read("assignments.refusals", f"'default', {_THREE}, NULL", 3 * 4 * KEY),
    Read("assignments.variables", "'default', 'd77'"),
    Read("assignments.fills", f"'default', {_THREE}", 3 * 4 * KEY),
    Read("assignments.reports", f"'default', {_THREE}, NULL", 3 * 2 * KEY),
    Read("assignments.states", "'default', 'a150'", 4 * _APART),
    Read("assignments.engines", f"'default', {_THREE}"),
    Read("assignments.matching", "'default'", 2000),
    Read("assignments.matched", "'default', 'a150', '{d11,d12,d13}', false", _APART),
]
_SCHEDULES: Final = [
    Read("schedules.change_alone", "'default'"),
    Read("schedules.count", "'default'", _NEAR),
    Read("schedules.get", "'default', 's7'"),
    Read("schedules.lock", "'default', 's7'"),
    *_list("schedules.list", "'default', NULL, NULL, {before}, 101", _NEAR),
    Read("schedules.member_name", "'default', 'u7'"),
    *_list("schedules.runs", "'default', 's7', {before}, 101", _APART),
    Read("schedules.under_way", "'default', 's7'"),
    Read("schedules.wants_signature", f"'default', 'reboot_os', {_THREE}", 5000),
    Read("schedules.zones", "'default'", 100_000),  # a look in which the zones of devices count
    Read("schedules.zones_of", f"'default', {_THREE}", 3 * 4 * KEY),
    Read("schedules.due", "'default', 's7'"),
    Read("schedules.lock_due", "'default', 's7'"),
    Read("schedules.schedule_of", "'default', 's7'"),
    Read("schedules.driven", "'default', 'b7'"),
    Read("schedules.turns", "'default', 'b7', 1000"),
    Read("schedules.commands", "'default', 'b7'", _APART),
    Read("schedules.unfinished", "'default', 'b7', 100", _APART),
    Read("schedules.owners", "", _NEAR),
    Read("schedules.status_counts", "", _NEAR),
]
_SPAN: Final = "now() - interval '2 days', now()"
_HISTORY: Final = [
    Read("history.events", f"'default', {_SPAN}, NULL, NULL, NULL, NULL, 101", 100, "first"),
    Read(
        "history.events",
        f"'default', {_SPAN}, NULL, NULL, now() - interval '1 day', 'd7', 101",
        100,
        "middle",
    ),
    Read("history.events_of", f"'default', {_SPAN}, NULL, {_THREE}, NULL, NULL, 101", 3 * 300),
    Read(
        "history.logs",
        "'default', now() - interval '1 day', now(), NULL, NULL, NULL, NULL, 101, NULL, NULL",
        100,
    ),
    Read(
        "history.logs_of",
        f"'default', now() - interval '7 days', now(), NULL, {_THREE}, NULL, NULL, 101, NULL, NULL",
        3 * 150,
    ),
    Read("history.meant", "'default'", 4_000),  # of all devices: no query stands in it
]
_RULED: Final = 5 * _NEAR
"""Pages: that many alerts, every other with its rule."""
_WATCHED: Final = (
    '\'[{"org_id":"default","rule_id":"r7","device_id":"d11"},'
    '{"org_id":"default","rule_id":"r7","device_id":"d12"}]\''
)
_LATELY: Final = "now() - interval '2 days'"
_ALERTS: Final = [
    *_filtered(
        "alerts.list",
        12,
        {
            "first": ({1: "'default'", 12: "101"}, _RULED),
            "middle": (
                {1: "'default'", 10: "now() - interval '10 days'", 11: "'m'", 12: "101"},
                _RULED,
            ),
            "firing": ({1: "'default'", 2: "'FIRING'", 12: "101"}, _RULED),
            "of a device": ({1: "'default'", 6: "'d77'", 12: "101"}, 20 * KEY),
            "of a rule": ({1: "'default'", 4: "'rule 7'", 12: "101"}, _APART),
        },
    ),
    Read("alerts.get", "'default', 'a77'"),
    Read("alerts.lock_watches", "'default', '{a11,a12,a13}'", 3 * 3 * KEY),
    Read("alerts.lock", "'default', '{a11,a12,a13}'", 3 * 2 * KEY),
    Read("alerts.unresolved", "'default', 101", _OPEN),
    Read("rules.change_alone", "'default'"),
    Read("rules.count", "'default'"),
    Read("rules.named", "'default', '{rule 7,none}'"),
    Read("rules.named_channels", "'default', '{channel 7,none}'"),
    Read("rules.get", "'default', 'r7'"),
    Read("rules.lock", "'default', 'r7'"),
    *_list("rules.list", "'default', NULL, NULL, {before}, 101", _RULED),
    Read("rules.member_name", "'default', 'u7'"),
    Read("rules.at_work", "'default'", _NEAR),
    Read("rules.at_work", "NULL", _NEAR, "of all"),
    Read("rules.matching", f"'default', {_THREE}, NULL, NULL, true", 3 * 6 * KEY),
    Read(
        "rules.matching",
        f"'default', {_THREE}, '{{g1}}', '{{d11}}', false",
        3 * 8 * KEY,
        "in scope",
    ),
    Read("rules.states", _WATCHED, 3 * 2 * KEY),
    Read("rules.locked_states", _WATCHED, 3 * 3 * KEY),
    Read("rules.current", '\'[{"org_id":"default","rule_id":"r7","version":1}]\''),
    Read("rules.watched", "'default', 'r7'", _APART),
    Read("rules.firing", "'default', 'r7'", _APART),
    Read("rules.timed", "'default', 'r7'", _APART),
    Read("rules.raised", "'default', 'r7'", _APART),
    Read("rules.present", f"'default', {_THREE}", 3 * 4 * KEY),
    Read("rules.drained", "now()"),
    Read("rules.away"),
    Read("rules.past_metrics", f"'default', {_THREE}, {_LATELY}, 101, 't'", _OPEN),
    Read(
        "rules.past_events", f"'default', {_THREE}, now() - interval '2 days', 101, 'scan'", _OPEN
    ),
    Read("rules.past_logs", f"'default', {_THREE}, now() - interval '2 days', 101", _OPEN),
    Read("rules.past_presence", f"'default', {_THREE}, now() - interval '2 days', 101", _OPEN),
    Read("channels.change_alone", "'default'"),
    Read("channels.count", "'default'"),
    Read("channels.is_taken", "'default', 'channel 7', ''"),
    Read("channels.get", "'default', 'c7'"),
    Read("channels.lock", "'default', 'c7'"),
    *_list("channels.list", "'default', {before}, 101", _NEAR),
    Read("channels.named_by", "'default', 'c7'", 2 * _NEAR),
    Read("channels.one", "'default', 'c7'"),
    Read("channels.waiting", "'default', 'c7', 100", 2 * _APART),
    Read("channels.pending", "'default', 'c7'"),
    Read("channels.count_silences", "'default'"),
    Read("channels.rule_named", "'default', 'rule 7'"),
    Read("channels.silence", "'default', 's7'"),
    *_list("channels.silences", "'default', NULL, NULL, {before}, 101", _NEAR),
    Read("channels.active", "'default'"),
]
_WEBHOOKS: Final = [
    Read("webhooks.change_alone", "'default'"),
    Read("webhooks.count", "'default'"),
    Read("webhooks.get", "'default', 'w7'"),
    Read("webhooks.lock", "'default', 'w7'"),
    *_list("webhooks.list", "'default', NULL, NULL, {before}, 101", _NEAR),
    Read("webhooks.member_name", "'default', 'u7'"),
    *_list("webhooks.deliveries", "'default', 'w7', {before}, 101", _APART),
    Read("webhooks.delivery", "'default', 'w7', 'd56'"),
    Read("webhooks.keeping", "'default'"),
    Read("webhooks.keeping", "NULL", _NEAR, "of all"),
    Read("webhooks.matching", f"'default', {_THREE}, NULL, NULL", 3 * 6 * KEY),
    Read("webhooks.matching", f"'default', {_THREE}, '{{g1}}', '{{d11}}'", 3 * 8 * KEY, "in scope"),
    Read("webhooks.owners"),
    Read("webhooks.one", "'default', 'w7'"),
    Read("webhooks.pending", "'default', 'w7'"),
    Read("webhooks.standing", "'default', 'w7'", 1_000 * 2),  # all that waits, in no order
    Read("webhooks.next", "'default', 'w7', 101", _APART),
]
_ACCOUNTS: Final = [
    Read("accounts.signing_keys"),
    Read("master_key.keys"),
    Read("master_key.lock_keys"),
    Read("accounts.installation"),
    Read("accounts.lock_setup"),
    Read("accounts.settings", "'default'"),
    Read("accounts.has_users", "'default'"),
    Read("accounts.other_admins", "'default', 'u1'", 60),
    Read("accounts.living"),
    Read("accounts.enrolling_into", "'k'"),
    Read("accounts.account_for_login", "NULL, 'Someone-7'", 30),
    Read("accounts.organisations_of", "'u7'"),
    Read("accounts.is_shared", "'u7'"),
    Read("accounts.user_by_id", "'default', 'u7'", 30),
    Read("accounts.lock_user", "'default', 'u7'", 30),
    *_list("accounts.list_users", "'default', {before}, 101", PAGE * MEMBER),
    Read("accounts.preferences", "'default', 'u7'"),
    Read("accounts.lock_attempts", "'someone-7', '10.0.0.7'"),
    Read("accounts.refresh_token", "sha256('77')"),
    Read("accounts.lock_session", "'default', 's77'"),
    Read("accounts.lock_refresh_token", "sha256('77')"),
    Read("accounts.sessions", "'default', 'u7'"),
    Read("accounts.session_owner", "'default', 's77'"),
    Read("accounts.session_standing", "'default', 'u78', 's77'"),
    Read("accounts.device_standing", "'default', 'd77'"),
    Read("accounts.authenticated_recently", "'default', 's77', 60"),
    Read("accounts.changes", "pg_snapshot_xmin(pg_current_snapshot())::text"),
    Read("accounts.api_key_by_hash", "sha256('77')"),
    *_list("accounts.list_api_keys", "'default', NULL, NULL, {before}, 101", _NEAR),
    Read("accounts.list_api_keys", "'default', 'u7', NULL, NULL, NULL, 101", SMALL, "of a user"),
    Read("accounts.list_api_keys", "'default', NULL, 'k77', NULL, NULL, 1", SMALL, "one"),
    Read("accounts.count_api_keys", "'default', 'u7'"),
    Read("accounts.api_key_owner", "'default', 'k77'"),
    Read("usage.days", "'default', NULL, NULL", 30),
    Read("audit_chain.has_work", pages=_HOURS),
    Read("audit_chain.lock"),
    Read("audit_chain.unsealed", f"{_NOW}, {_NOW}", _HOURS),
    Read("audit_chain.heads", "'{default}'"),
    Read("audit_chain.health", "60", _HOURS),
    Read("audit_chain.drops"),
    Read("factors.totp", "'u7'"),
    Read("command_keys.command_keys_of", "'u7'"),
    Read("command_keys.count_command_keys", "'u7'"),
    Read("passkeys.passkeys_of", "'u7'"),
    Read("passkeys.count_passkeys", "'u7'"),
    Read("passkeys.passkey_by_credential", "sha256('77')"),
    Read("accounts.shown_in", "'default', 's77'"),
    Read("rights.asked_in", "'default'"),
    Read("rights.shown_by", "'default', 'u7'"),
    Read("factors.device_grant", "'BCDFGHJK'"),
    Read("factors.wrong_user_codes", "'u7'"),
    Read("accounts.browser_session", "sha256('77')", 30),
    Read("providers.count_providers", "'default'"),
    Read("providers.providers", "'default'"),
    Read("providers.provider", "'p7'"),
    Read("providers.lock_provider", "'p7'"),
    Read("providers.is_living", "'default'"),
    Read("providers.owner_of", "'p7', 'i', 's'"),
    Read("providers.lock_identity", "'p7', 'i', 's'"),
    Read("providers.place_of", "'u7', NULL", 30),
    Read("providers.methods_of", "'u7'"),
    Read("providers.grant_of", "'default', 's77'"),
    Read("providers.sessions_of_provider", "'p7', NULL, 's', NULL"),
    Read("rights.of_member", "'default', 'u7'", 60),
    Read("rights.of_key", "'default', 'k77'"),
    Read("rights.devices_of", f"'default', {_THREE}, '{{g1,g2}}', '{{d13}}'", 40),
    Read("rights.members_of", "'default', '{g1}', '{d13}'", _APART),
    Read("rights.groups_of", "'default', 'd11'"),
    Read("rights.role_in_use", "'default', 'role 7'"),
    Read("rights.roles", "'default'"),
    Read("rights.role", "'default', 'role 7'"),
    Read("rights.lock_roles", "'default'"),
    Read("approvals.lock", "'default'"),
    Read("approvals.earlier", "'default', 'c7', 'path 7', 'key 7'", 20),
    Read("approvals.sent_lately", "'default'", _APART),
    Read("approvals.known", f"'default', {_THREE}"),
    *_list("approvals.list", "'default', NULL, {before}, 101", _NEAR),
    Read("approvals.get", "'default', 'a7'"),
    Read("approvals.of_subject", "'default', 'c7', 'd11', 'campaign'", 20),
    Read("approvals.lock_one", "'default', 'a7'"),
    Read("approvals.due"),
    Read("approvals.people", "'default', 'u7'", _APART),
    Read("approvals.is_person", "'default', 'u7'"),
    Read("sessions.lock", "'default'"),
    Read("sessions.device", "'default', 'd7', 'shell', 'u1'", 60),
    Read("sessions.get", "'default', 'b7'"),
    *_list("sessions.list", "'default', NULL, NULL, '{shell,exec}', {before}, 101", _NEAR * 2),
    *_list("sessions.list", "'default', 'd7', NULL, '{shell,exec}', {before}, 101", _APART),
    Read("sessions.recording", "'default', 'b7', 0, 16"),
    Read("sessions.unasked", "'r2'", _OPEN),
    Read("sessions.lock_one", "'default', 'b7'"),
    Read("sessions.connection", "'default', 'b7', ''"),
    Read("sessions.is_asked", "'default', 'b7', 'd7'"),
    Read("sessions.here", "'{default,default,default}', '{b7,b8,b9}'", 40),
    Read("sessions.due", "", _OPEN),
    Read("accounts.lock_guarded", "'default'"),
    Read("secrets.get", "'default', 's'"),
    Read("secrets.lock", "'default', 's'"),
    Read("secrets.keys", "'default', '{s,t}'"),
    Read("secrets.sealed", "'{default,default}', '{s,t}'"),
    *_list("secrets.list", "'default', NULL, {before}, 101", _NEAR),
    Read("secrets.sizes", "'default', '{s,t}'"),
    Read("secrets.sealed_versions", "'{default,default}', '{s,t}', '{1,1}'"),
    Read("secrets.is_named", "'default', 's'", 4_000),  # there are few revisions
    *_list("rights.bindings", "'default', NULL, NULL, NULL, {before}, 101", 80),
    Read("rights.binding", "'default', 'b7'"),
    Read("rights.bindings_of", "'default', 'u7'", 60),
    Read("rights.bindings_to", "'default', 'team', 't7'", 30),
    Read("rights.bindings_with", "'default', 'role 7'", 60),
    Read("rights.subject_exists", "'default', 'team', 't7'"),
    Read("rights.scope_device", "'default', 'd11'"),
    Read("rights.scope_group", "'default', 'g7'"),
    *_list("rights.teams", "'default', {before}, 101", _APART),
    Read("rights.team", "'default', 't7'"),
    Read("rights.team_members", "'default', 't7'", 30),
    Read("rights.not_members", "'default', '{u7,u8}'"),
    Read("organisations.list"),
    Read("organisations.get", "'default'"),
    Read("organisations.ended"),
    Read("organisations.open_invitation", "sha256('7')"),
    *_list("organisations.invitations", "'default', {before}, 101", 60),
    *_list("organisations.services", "'default', {before}, 101", PAGE * MEMBER),
    Read("organisations.service", "'default', 'p7'", 30),
]
_AUDIT: Final = _filtered(
    "audit.list",
    11,
    {
        name: ({1: "'default'", 10: "101", 11: "'{}'"} | values, pages)
        for name, (values, pages) in {
            "first": ({}, _DAYS),
            "middle": ({8: "now() - interval '200 days'", 9: "1"}, _DAYS),
            "target": ({4: "'d77'"}, _DAYS),
            "busy target": ({4: "'d1'"}, _DAYS),
            "actor": ({2: "'someone-7'"}, _DAYS + PAGE),
            "nobody": ({2: "'nobody'"}, _DAYS),
            "span": (
                {6: "now() - interval '100 days'", 7: "now() - interval '99 days'"},
                _DAYS,
            ),
        }.items()
    },
)
_CAMPAIGNS: Final = [
    Read("campaigns.get", "'default', 'p7'"),
    *_list("campaigns.list", "'default', {before}, 101, NULL, NULL, NULL", _NEAR),
    Read("campaigns.list", "'default', NULL, NULL, 101, NULL, 'release', 'f7'", 101, "of one"),
    Read("campaigns.open", "'default'"),
    Read("campaigns.lock_new", "'default'"),
    Read("campaigns.busy", "'default', 'p2', 'agent', '{d77,d100}'", 3 * KEY),
    Read("campaigns.member_name", "'default', 'u7'"),
    Read("campaigns.strangers", "'default', 'p7', '{d77,d1000}'", 2 * KEY),
    Read("campaigns.counts", "'default', '{p7}'", 40),
    Read("campaigns.devices", "'default', 'p7', NULL, 101, NULL", _NEAR),
    Read("campaigns.devices", "'default', 'p7', 300, 101, NULL", _NEAR, "middle"),
    Read("campaigns.devices", "'default', 'p7', NULL, 101, '{FAILED}'", 500, "of a status"),
    Read("campaigns.of_device", "'default', 'd77', 21, NULL", 21 * 2 * KEY),
    Read("campaigns.unfinished_of", "'default', 'f7'"),
    Read("campaigns.lock", "'default', 'p7'"),
    Read("campaigns.lock_driven", "'default', 'p1'"),
    Read("campaigns.under_way", "'default', 'p1', NULL", 50 * 6 * KEY),
    Read("campaigns.under_way", "'default', 'p1', 'a1'", 50 * 12 * KEY, "of an application"),
    Read("campaigns.candidates", "'default', 'p1', 0, 50, NULL, '{UTC}'", 50 * 6 * KEY),
    Read(
        "campaigns.candidates",
        "'default', 'p1', 0, 50, 'a1', '{UTC}'",
        50 * 12 * KEY,
        "of an application",
    ),
    Read("campaigns.waiting_zones", "'default', 'p1', 0", 3_000),
    Read("campaigns.failures", "'default', '{d77,d100}', '{busy}', 3", 150),
    Read("campaigns.failures", "'default', NULL, '{busy}', 3", 150, "of all"),
    Read("campaigns.now"),
    Read("campaigns.started_lately", "'default', 'p1'"),
]
_COMMAND: Final = [
    Read("commands.keys", "'{default}', '{/api/commands}', '{i77}'"),
    Read("commands.targets", _FEW, 3 * 6 * KEY),
    Read("commands.existing", _COMMANDS, 3 * 3 * KEY),
    Read("commands.by_names", _COMMANDS, 3 * 2 * KEY),
    Read("commands.waiting", "'{default}', '{d77}', ARRAY['x'::bytea]"),
    Read("commands.unsent", f"{_FEW}, '{{1,1,1}}', '{{1,1,1}}'", 3 * 6 * KEY),
    Read("commands.replied", _COMMANDS, 6 * KEY),
    Read("commands.lock_devices", _FEW, 3 * 2 * KEY),
    Read("commands.lock_unsent", _FEW, 3 * 2 * KEY),
    Read("commands.lock_replied", _COMMANDS, 3 * 2 * KEY),
    Read("commands.lock_one", "'default', 'd78', 'c77'"),
    Read("commands.on_line", _FEW, 3 * 2 * KEY),
    Read("commands.lock_pending", "'default', 'd77', NULL"),
    Read("commands.unwritten_here", "'r1'", 1000),
    Read("commands.cancels_here", "'r1'"),
    Read("commands.finished", _COMMANDS, 3 * 2 * KEY),
    Read("commands.get", "'default', 'd78', 'c77'"),
    Read("commands.batch", "'default', 'b77'", 100 * KEY),
    *_filtered(
        "commands.list",
        15,
        {
            name: ({1: "'default'", 8: "101", 9: "0", 14: "'recent'"} | values, pages)
            for name, (values, pages) in {
                "first": ({}, _NEAR),
                "middle": ({6: "now() - interval '30 days'", 7: "'c'"}, _NEAR),
                "offset": ({9: "1000"}, 200),
                "device": ({2: "'d78'", 14: "'device'"}, _APART),
                "busy device": ({2: "'d1'", 14: "'device'"}, _APART),
                "batch": ({5: "'b77'", 14: "'batch'"}, _APART),
                "failed": ({3: "'{FAILED}'", 14: "'failed'"}, _APART),
                "open": ({3: "'{SENT}'", 14: "'unfinished'"}, _APART),
                "unfinished": ({11: "false", 14: "'unfinished'"}, _APART),
                "never": ({3: "'{TIMEOUT}'", 14: "'failed'"}, _APART),
                "type": ({4: "'{restart}'"}, _APART),
                "actor": ({10: "'someone-7'"}, _APART),
                "span": (
                    {12: "now() - interval '60 days'", 13: "now() - interval '59 days'"},
                    _NEAR,
                ),
            }.items()
        },
    ),
]
_CONFIG: Final = [
    Read("own.known", "'{default,default}', '{h1,h2}'"),
    Read("own.said", "'default', '{d11,d12,d13}'", 3 * 3 * KEY),
    Read("own.types", "'default', '{d11,d12,d13}'", 3 * 2 * KEY),
    Read("own.types_of_group", "'default', 'g7'", 10_000),
    Read("own.types_of_all", "'default'", 10_000),
    Read("own.descriptions", "'default', '{h1,h2}'"),
    Read("config.lock", _FEW, 3 * 2 * KEY),
    Read("config.read", _FEW, 3 * KEY),
    Read("config.lock_of_lines", f"{_FEW}, '{{1,1,1}}'", 6 * KEY),
    Read("config.base", "'default', 'd77', 3"),
    Read("config.document", "'default', 'd77', 3"),
    Read("config.get", "'default', 'd77'"),
    Read("config.history", "'default', 'd77', NULL, 101"),
    Read("config.history", "'default', 'd77', 3, 101", SMALL, "middle"),
    Read("config.schemas", "'{default}'"),
    Read("config.hidden", "'default'"),
]
_DEVICES: Final = [
    Read("config.group_default", "'default', 'g7'"),
    Read("config.is_trusted", "'default', 'g7'"),
    Read("config.defaults", "'default', '{d11,d12,d13}'", 3 * 3 * KEY),
    Read("config.members_of_group", "'default', 'g7', '', 500", 500),
    Read("config.stale_groups", ""),
    Read("config.differing", _FEW, 3 * 3 * KEY),
    Read("desired.sections", _FEW, 3 * KEY),
    Read("desired.section", "'default', 'd77', 'mode'"),
    Read("desired.lock_section", "'default', 'd77', 'software'"),
    Read("desired.pinned_artifacts", "'default', '{agent,jar}', '{7,7}'", 2 * SMALL),
    Read("desired.steered", f"{_FEW}, '{{enable_device,disable_device}}'", 3 * 2 * KEY),
    Read("desired.changed", "10"),
    Read("enrollment.lock_standing", "'default', 'd77', 60"),
    Read("certificates.lock_authorities"),
    Read("certificates.authorities"),
    Read("certificates.standing", "'default', 'c77', 'd77'"),
    *_list("certificates.list", "'default', {before}, NULL, NULL, 101", _NEAR),
    *_list("certificates.list_of_device", "'default', {before}, NULL, NULL, 101, 'd77'", SMALL),
    Read("certificates.crl", "'ca'"),
    Read("certificates.lock_crl", "'ca'"),
    Read("certificates.ended", "'ca'", _APART),
    Read("plain.devices", "'default', 101", _APART),
    Read("enrollment.of_token", "sha256('t7')"),
    Read("enrollment.token", "'default', 't7'"),
    Read("enrollment.lock_token", "'default', 't7', 'd77', '10.0.0.1'"),
    Read("enrollment.lock_asking", "'default', 'd77'"),
    Read("enrollment.of_request", "'d77', sha256('d77')"),
    Read("enrollment.lock_request", "'default', 'd77'"),
    *_list("enrollment.requests", "'default', {before}, 101", _APART),
    Read("enrollment.lock_requests", "'default', 'd77'"),
    *_list("enrollment.tokens", "'default', {before}, 101", _APART),
    Read("devices.get", "'default', 'd77'", 7 * KEY),
    Read("queries.groups", "'default'", 200),
    Read("queries.meant", "'default'", 2_000),  # of all devices: no query stands in it
    Read("devices.labels", "'default', 'd77'"),
    *_filtered(
        "devices.list",
        9,
        {
            name: ({1: "'default'", 9: "101"} | values, pages)
            for name, (values, pages) in {
                "first": ({}, PAGE * 6 * KEY),
                "middle": ({7: "now() - interval '2 days'", 8: "'d'"}, PAGE * 6 * KEY),
                "group": ({4: "'g7'"}, PAGE * 6 * KEY),
                "tag": ({5: "'rare'"}, PAGE * 6 * KEY),
                "connected": ({6: "true"}, PAGE * 6 * KEY),
                "away": ({6: "false"}, 10 * PAGE * 6),
                "status": ({3: "'{ERROR}'"}, PAGE * 6 * KEY),
                "q": ({2: "'%d7%'"}, PAGE * 6 * KEY),
            }.items()
        },
    ),
    Read("devices.matching", f"'default'{', NULL' * 7}, 101", PAGE * 6 * KEY),
    *_list("devices.connected", "'default', {before}, 101", _APART),
    Read("devices.lock_known", "'default', '{d11,d12,d13}'", 3 * 2 * KEY),
    Read("devices.known", "'default', '{d11,d12,d13}'", 3 * 2 * KEY),
    Read("devices.lock_described", "'default', '{d11,d12,d13}'", 3 * 4 * KEY),
    Read("devices.quarantined", "'default', 'd77'"),
]
_EDGE: Final = [
    Read("edge.standing", "'default', 'd77'"),
    Read("edge.existing", "'default', 'd77', '{a76,a77}'", 2 * 4 * KEY),
    Read("edge.share", "'default', 'd77', 1000"),
    Read("edge.next", "'default', 'company-1', 100", 100 * 2 * KEY),
    Read("edge.pending"),
    Read("edge.records", "'default', NULL, now(), NULL, '', '', 101", 2 * _APART),
    Read(
        "edge.records",
        "'default', NULL, now(), now() - interval '1 hour', 'd5', 'a5', 101",
        2 * _APART,
        "middle",
    ),
    Read("edge.records_done", "'default', NULL, now(), NULL, '', '', 101, 'done'", 3 * _APART),
    Read("edge.records_dead", "'default', NULL, now(), NULL, '', '', 101, 'dead'", 4_000),
    Read(  # all that waits, in another order than its own
        "edge.records_pending", "'default', NULL, now(), NULL, '', '', 101, 'pending'", 4_000
    ),
    Read("edge.record", "'default', 'd77', 'a76', 'bottle', NULL"),
    Read("edge.record_counts", "'default', NULL, now()", 3_000),  # it counts all that there are
    Read("edge.overview", "'default', NULL"),
    Read("edge.dead_letters", "'default', NULL, NULL, 101, NULL", 2 * _APART),
    Read("jobs.fence", "1, 0, 'r'"),
]
_OTHERS: Final = [
    Read("clocks.now"),
    Read("firmware.get", "'default', 'f7'"),
    Read("firmware.is_pinned", "'default', 'd77', 'f7'"),
    Read("firmware.taken", "'default', 'agent', 'stable', '7'"),
    *_list("firmware.list", "'default', {before}, 101", _NEAR),
    Read("firmware.lock_artifact", "'x7'"),
    Read("firmware.names_artifact", "'x7'"),
    Read("firmware.lock", "'default', 'f7'"),
    Read("firmware.keys", "'default', NULL, NULL, NULL"),
    Read("groups.get", "'default', 'g7'"),
    *_list("groups.list", "'default', {before}, 101", _APART),
    Read("groups.lock", "'default', 'g7'"),
    Read("groups.members", "'default', '{g7}'"),
    Read("groups.members_of_each", "'default', '{g7}'"),
    Read("groups.is_scope", "'default', 'g7'"),
    Read("groups.has_defaults", "'default', 'g7'"),
    Read("groups.lock_devices", f"'default', {_THREE}"),
    Read("groups.dynamic", "'default'"),
    Read("groups.all_dynamic"),
    Read("groups.still_means", "'default', 'g7', 'connected'"),
    Read("groups.change_alone", "'default'"),
    Read("groups.hold", "'default'"),
    Read("commands.channel_of", "'default', 'r7'"),
    Read("partitions.lock"),
    Read("lines.quarantined_here", "'r1'", 50 * 2 * KEY),
    Read("replicas.leases", "'r1'"),
    Read("replicas.untold"),
    Read("replicas.replicas", "15"),
    Read("replicas.counts", "'default'", 500),
    Read("roles.standing"),
    Read("roles.to_hand_over", "", 300),
    Read("roles.to_isolate", "", 2000),
    Read("roles.login"),
]
_PAST: Final = "now() - interval '1 day'"
_TELEMETRY: Final = [
    Read(
        "telemetry.superseded",
        '\'[{"org_id": "default", "device_id": "d7", "generation": 1}]\'',
    ),
    Read("telemetry.lock_roll_up_marks"),
    Read(
        "telemetry.roll_up",
        "'{default}', ARRAY[now() - interval '90 s'], ARRAY[now() - interval '60 s'],"
        " now() - interval '90 s', now() - interval '60 s'",
        1000,
    ),
    *_filtered(
        "telemetry.logs",
        10,
        {
            name: ({1: "'default'", 2: "'d1'", 9: "101"} | values, pages)
            for name, (values, pages) in {
                "first": ({}, _DAYS),
                "middle": ({5: "now() - interval '10 days'"}, _DAYS),
                "quiet device": ({2: "'d77'"}, _DAYS),
                "span": (
                    {3: "now() - interval '10 days'", 4: "now() - interval '9 days'"},
                    _DAYS,
                ),
                "level": ({6: "3"}, _DAYS + PAGE),
                "source": ({7: "'part-2'"}, _DAYS + 4 * PAGE),
                "q": ({10: "'%7%'"}, _DAYS + 4 * PAGE),
                "command": ({8: "'c7'"}, _DAYS),
            }.items()
        },
    ),
    *_filtered(
        "telemetry.events",
        8,
        {
            name: ({1: "'default'", 2: "'d1'", 7: "101", 8: "false"} | values, pages)
            for name, (values, pages) in {
                "first": ({}, 2 * _HOURS),
                "middle": ({5: _PAST}, 2 * _HOURS),
                "quiet device": ({2: "'d77'"}, 2 * _HOURS + PAGE),
                "span": ({3: "now() - interval '10 hours'", 4: "now() - interval '9 hours'"}, 80),
                "type": ({6: "'{scan}'"}, 2 * _HOURS),
                "presence": ({8: "true"}, _HOURS),
            }.items()
        },
    ),
    Read("telemetry.states", "'default', 'd77', now() - interval '1 day', now(), 2000", 200),
    Read(
        "telemetry.states", "'default', 'd1', now() - interval '1 day', now(), 2000", 1000, "busy"
    ),
    Read(
        "telemetry.metrics_raw",
        "'default', '{d77}', 'pressure', now() - interval '1 hour', now(), interval '10 seconds'",
        40,
    ),
    Read(
        "telemetry.metrics_rolled",
        "'default', '{d77}', 'pressure', now() - interval '10 days', now(), interval '1 hour'",
        _DAYS,
    ),
    Read("telemetry.metric_names", "'default', 'd77'", 100),
    Read("telemetry.metric_names", "'default', 'd1'", 100, "busy"),
    Read("telemetry.log_sources", "'default', 'd77'", _DAYS),
    Read("telemetry.log_sources", "'default', 'd1'", 10_000, "busy"),
]
READS: Final = [
    *_ALERTS,
    *_ACCOUNTS,
    *_AUDIT,
    *_CAMPAIGNS,
    *_COMMAND,
    *_CONFIG,
    *_DEVICES,
    *_EDGE,
    *_OTHERS,
    *_SCHEDULES,
    *_TELEMETRY,
    *_HISTORY,
    *_WEBHOOKS,
    *_WORKLOADS,
]
CHANGING: Final = {"partitions.make", "partitions.drop", "organisations.empty"}
"""Functions that change something."""
WALKING: Final = {
    "rules.candidates",
    "alerts.devices",
    "audit_chain.links",
    "audit_chain.rows",
    "audit_chain.unplaced",
    "groups.swept",
    "groups.unsettled",
    "master_key.kept",
}
"""What `longline audit`, a change of the master key, and a new query of a group read: all
there is."""
