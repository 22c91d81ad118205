/** What is to be read again when the hub says that a record has changed. Pure. */
import type { LiveEvent, RecordKind } from "./frames";

export type Key = readonly string[];

/** Of any kind. */
const CAMPAIGNS = ["campaigns", "campaign", "campaign-devices"];

/** By kind: the beginnings of the keys of queries that show such records. */
const SHOWN: Record<RecordKind, readonly string[]> = {
  device: ["device", "device-workloads"],
  group: ["groups"],
  user: ["users"],
  api_key: ["api-keys"],
  role: ["roles"],
  role_binding: ["bindings"],
  team: ["teams"],
  invitation: ["invitations"],
  service_account: ["service-accounts"],
  settings: ["settings"],
  release: ["releases"],
  firmware_key: ["signing-keys"],
  config_schema: ["config-schema"],
  configuration: ["config", "config-history"],
  deployment: [
    "deployments",
    "deployment",
    "deployment-devices",
    "device-deployments",
    ...CAMPAIGNS,
  ],
  application: ["applications"],
  rollout: ["rollouts", "rollout", "rollout-devices", ...CAMPAIGNS],
  config_map: ["config-maps"],
  registry: ["registries"],
  schedule: ["schedules"],
  approval: ["approvals", "command", "deployment", "rollouts", "rollout", ...CAMPAIGNS],
};

/** Of these every query is of one device, whose id follows. */
const BY_DEVICE: ReadonlySet<RecordKind> = new Set(["device", "configuration"]);

/** Queries to be read again after `event`, a `record_changed`; an unknown kind has none. */
export function staleAfter({ kind, deviceId }: LiveEvent): Key[] {
  const about = kind as RecordKind;
  const one = BY_DEVICE.has(about) && typeof deviceId === "string" ? [deviceId] : [];
  return (SHOWN[about] ?? []).map(name => [name, ...one]);
}

/** Queries to be read again when nobody knows what has changed. */
export const EVERYTHING: readonly Key[] = Object.values(SHOWN)
  .flat()
  .map(name => [name]);

/** More devices than this at once are read as a list. */
export const SINGLY = 20;

/** Devices of which something is to be read: one by one, or, when they are many, as a list. */
export class Lookups {
  private readonly ids = new Set<string>();

  add(...ids: readonly string[]): void {
    for (const id of ids) this.ids.add(id);
  }

  /** What to read now. While a list is being read, nothing: its pages may be older than the change. */
  take(loading: boolean): { list: boolean; ids: readonly string[] } | "later" | null {
    if (this.ids.size === 0) return null;
    if (loading) return "later";
    const ids = [...this.ids];
    this.ids.clear();
    return ids.length > SINGLY ? { list: true, ids: [] } : { list: false, ids };
  }

  clear(): void {
    this.ids.clear();
  }
}
