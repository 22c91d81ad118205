/** What the address of the firmware page says. Kept free of imports: it is part of the first load. */
export type FirmwareSearch = {
  /** Absent is the deployments. */
  tab?: "releases" | "keys";
  /** A release to begin a deployment of. */
  deploy?: string;
};

export function firmwareSearch(search: Record<string, unknown>): FirmwareSearch {
  const found: FirmwareSearch = {};
  if (search.tab === "releases" || search.tab === "keys") found.tab = search.tab;
  if (typeof search.deploy === "string" && search.deploy !== "") found.deploy = search.deploy;
  return found;
}
