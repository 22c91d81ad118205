/** What a revision contains, as a text to read and to compare. Pure. */
import type { Revision } from "../../api/applications";
import type { Json } from "../../parts/document";
import { yamlOf } from "../../parts/yaml";

type Content = Pick<Revision, "compose" | "configMaps" | "secrets">;

/** The Compose file, and behind it which versions of its data are meant. */
export function contentOf({ compose, configMaps, secrets }: Content): string {
  return [
    yamlOf(compose as Json),
    ...Object.entries(configMaps).map(([name, version]) => `# config map ${name}: ${version}\n`),
    ...Object.entries(secrets).map(([name, version]) => `# secret ${name}: ${version}\n`),
  ].join("");
}

/** Whether one was made before another; `revisions` are the newest first. */
export function isOlder(
  revisions: readonly Pick<Revision, "revision">[],
  one: string,
  other: string | null,
): boolean {
  const placeOf = (wanted: string | null) =>
    revisions.findIndex(({ revision }) => revision === wanted);
  return placeOf(other) !== -1 && placeOf(one) > placeOf(other);
}
