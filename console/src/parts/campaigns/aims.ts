/** To which devices a campaign is to go, as it is chosen. Pure. */
import type { Schemas } from "../../api/client";

export type Aim =
  | { by: "group"; groupId: string | null }
  | { by: "query"; query: string }
  | { by: "devices"; deviceIds: readonly string[] };

export const EMPTY: Record<Aim["by"], Aim> = {
  group: { by: "group", groupId: null },
  query: { by: "query", query: "" },
  devices: { by: "devices", deviceIds: [] },
};

/** As the hub takes it; null while it is not complete. */
export function targetOf(aim: Aim): Schemas["CampaignTargetBody"] | null {
  switch (aim.by) {
    case "group":
      return aim.groupId === null ? null : { groupId: aim.groupId };
    case "query": {
      const query = aim.query.trim();
      return query === "" ? null : { query };
    }
    case "devices":
      return aim.deviceIds.length === 0 ? null : { deviceIds: [...aim.deviceIds] };
  }
}
