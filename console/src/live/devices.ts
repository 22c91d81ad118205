/** Changes of devices; the fleet shows what the hub answered. */

import { api, data, envelope, type Schemas } from "../api/client";
import { fleet } from "./fleet";

/** Raises `Problem`. */
export async function changeDevice(
  id: string,
  change: Partial<Schemas["DevicePatch"]>,
): Promise<void> {
  const body = change as Schemas["DevicePatch"];
  fleet.put(await data(api.PATCH("/api/v1/devices/{id}", { params: { path: { id } }, body })));
}

/** Raises `Problem`. */
export async function setConnectionMode(
  id: string,
  mode: Schemas["Device"]["connectionMode"],
): Promise<void> {
  const path = { id };
  fleet.put(
    await data(
      api.PUT("/api/v1/devices/{id}/connection-mode", { params: { path }, body: { mode } }),
    ),
  );
}

/** Raises `Problem`. */
export async function quarantineDevice(id: string, reason: string): Promise<void> {
  const path = { id };
  fleet.put(
    await data(api.POST("/api/v1/devices/{id}/quarantine", { params: { path }, body: { reason } })),
  );
}

/** Raises `Problem`. */
export async function releaseDevice(id: string): Promise<void> {
  fleet.put(await data(api.POST("/api/v1/devices/{id}/release", { params: { path: { id } } })));
}

/** It stays in the fleet until `fleet.remove`. Raises `Problem`. */
export async function deleteDevice(id: string): Promise<void> {
  await envelope(api.DELETE("/api/v1/devices/{id}", { params: { path: { id } } }));
}
