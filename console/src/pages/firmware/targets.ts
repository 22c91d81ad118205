/** Which devices a deployment would take, by what is known of them now. Pure; the hub decides. */

import { fitOf, installs, versionOf } from "../../api/versions";
import type { Device } from "../../live/standing";

export type Aim =
  | { by: "devices"; deviceIds: readonly string[] }
  | { by: "group"; groupId: string | null }
  | { by: "filter"; tag: string | null; status: string | null; version: string | null };

export function aimedAt(aim: Aim, devices: Iterable<Device>): Device[] {
  const all = [...devices];
  switch (aim.by) {
    case "devices": {
      const byId = new Map(all.map(device => [device.id, device]));
      return aim.deviceIds.flatMap(id => byId.get(id) ?? []);
    }
    case "group":
      return all.filter(({ groupIds }) => aim.groupId !== null && groupIds.includes(aim.groupId));
    case "filter":
      return all.filter(
        device =>
          (aim.tag === null || device.tags.includes(aim.tag)) &&
          (aim.status === null || device.status === aim.status) &&
          (aim.version === null || device.version === aim.version),
      );
  }
}

export type Preview = {
  total: number;
  /** At that version already: skipped. */
  there: number;
  /** At a newer one: skipped unless downgrades are allowed. */
  newer: number;
  /** They do not install its type: skipped. */
  unfit: number;
  away: number;
};

/** Of a release of this type and version. */
export function previewOf(devices: readonly Device[], type: string, version: string): Preview {
  const able = devices.filter(device => installs(device, type));
  const fits = able.map(device => fitOf(versionOf(device, type), version));
  return {
    total: devices.length,
    there: fits.filter(fit => fit === "same").length,
    newer: fits.filter(fit => fit === "older").length,
    unfit: devices.length - able.length,
    away: able.filter(({ connected }) => !connected).length,
  };
}

/** The target as the hub takes it; null while it is not complete. */
export function targetOf(aim: Aim): Record<string, unknown> | null {
  switch (aim.by) {
    case "devices":
      return aim.deviceIds.length === 0 ? null : { deviceIds: aim.deviceIds };
    case "group":
      return aim.groupId === null ? null : { groupId: aim.groupId };
    case "filter": {
      const { tag, status, version } = aim;
      const given = Object.entries({ tag, status, version }).filter(([, value]) => value !== null);
      return { filter: Object.fromEntries(given) };
    }
  }
}
