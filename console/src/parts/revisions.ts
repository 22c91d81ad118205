/** Revisions of an application, to show and to choose from. */
import { type Application, useRevisions } from "../api/applications";
import { useText } from "../text";
import { absoluteTime } from "../text/format";

/** So much of one is shown. */
export const shortOf = (revision: string) => revision.slice(0, 12);

/** The newest first; none while no application is chosen. */
export function useRevisionOptions({ name, current }: Pick<Application, "name" | "current">) {
  const words = useText().applications;
  const found = useRevisions(name);
  const options = (found.data ?? []).map(({ revision, createdAt, createdBy }) => ({
    value: revision,
    label: words.revisionSaid(
      shortOf(revision),
      absoluteTime(createdAt),
      createdBy,
      revision === current,
    ),
  }));
  return { ...found, options };
}
