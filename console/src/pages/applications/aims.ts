/** To which devices a revision is to be rolled out, as it is chosen. Pure. */
import type { Schemas } from "../../api/client";
import type { Device } from "../../live/standing";

export type Aim =
  | { by: "all" }
  | { by: "group"; groupId: string | null }
  | { by: "query"; query: string }
  | { by: "devices"; deviceIds: readonly string[] };

export const EMPTY: Record<Aim["by"], Aim> = {
  all: { by: "all" },
  group: { by: "group", groupId: null },
  query: { by: "query", query: "" },
  devices: { by: "devices", deviceIds: [] },
};

/** As the hub takes it; null while it is not complete. */
export function targetOf(aim: Aim): Schemas["RollOutTargetBody"] | null {
  switch (aim.by) {
    case "all":
      return {};
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

/** Whom it reaches, where the fleet says so; null where the hub has to be asked. */
export function reachedBy(aim: Aim, devices: Iterable<Device>): readonly string[] | null {
  if (aim.by === "devices") return aim.deviceIds;
  if (aim.by !== "group") return null;
  return [...devices].flatMap(({ id, groupIds }) =>
    aim.groupId !== null && groupIds.includes(aim.groupId) ? [id] : [],
  );
}
