/** What a campaign brings, in words. */
import { titleOf } from "../../api/commands/specs";
import type { Run } from "../../api/runs";
import { shortOf } from "../../parts/revisions";

export function loadOf({ command, releaseId, version, application }: Run): string {
  if (application !== null) return `${application.name} ${shortOf(application.revision)}`;
  if (releaseId !== null) return version ?? releaseId;
  return titleOf(String(command?.type ?? ""));
}

/** Its name, where it has one. */
export function nameOf(run: Run): string {
  return run.name ?? loadOf(run);
}
