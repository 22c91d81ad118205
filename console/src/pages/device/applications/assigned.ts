/** The applications of a device, out of their services. Pure. */
import type { Revision, Workload } from "../../../api/applications";

export type Assigned = Pick<Workload, "application" | "revision" | "pinned" | "orphaned">;

/** Each that the device shall run, once; what it runs besides is left out. */
export function assignedOf(workloads: readonly Workload[]): Assigned[] {
  const wanted = workloads.filter(({ desired }) => desired !== null);
  return [...new Map(wanted.map(one => [one.application, one])).values()];
}

/** The named volumes of a revision; null where nobody knows them. */
export function volumesOf(revision: Pick<Revision, "compose"> | undefined): string[] | null {
  if (revision === undefined) return null;
  return Object.keys((revision.compose.volumes as object | null | undefined) ?? {});
}
