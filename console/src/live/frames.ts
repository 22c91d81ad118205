/** What travels on `/ws/dashboard`: see docs/protocol.md. */

export type Filter = {
  deviceIds?: readonly string[];
  groupIds?: readonly string[];
  types?: readonly EventType[];
  minLevel?: "DEBUG" | "INFO" | "WARN" | "ERROR";
};

export type EventType =
  | "status"
  | "log_line"
  | "scan"
  | "print"
  | "event"
  | "alert"
  | "command_accepted"
  | "command_progress"
  | "command_result"
  | "deployment"
  | "workload_status"
  | "record_changed";

/** Of a `record_changed`: what was made, changed or deleted. */
export type RecordKind =
  | "device"
  | "group"
  | "user"
  | "api_key"
  | "role"
  | "role_binding"
  | "team"
  | "invitation"
  | "service_account"
  | "settings"
  | "release"
  | "firmware_key"
  | "config_schema"
  | "configuration"
  | "deployment"
  | "application"
  | "rollout"
  | "config_map"
  | "registry"
  | "schedule"
  | "approval";

/** A place in the stream. */
export type Position = { epoch: string; offset: number };

/** An event is flat; what its type adds is read by whoever asked for that type. */
export type LiveEvent = Position & {
  type: EventType;
  /** Of a `record_changed` that concerns no device it is null: `records.ts` alone reads those. */
  deviceId: string;
  ts: string;
  [field: string]: unknown;
};

export type GapReason = "slow" | "expired" | "epoch" | "bus";

/** Events with `from` < offset ≤ `to` may be missing. */
export type Gap = {
  type: "gap";
  epoch: string;
  from: number | null;
  to: number | null;
  reason: GapReason;
};

export type Frame =
  | LiveEvent
  | Gap
  | { type: "auth_ok"; expiresAt: string }
  | ({ type: "subscribed"; id: string; recovered: boolean } & Position)
  | { type: "unsubscribed"; id: string }
  | ({ type: "pong"; serverTime: string } & Position)
  | { type: "error"; code: string; message: string; id?: string };
