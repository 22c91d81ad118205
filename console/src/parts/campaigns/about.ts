/** What is said of the devices of a campaign, by what it brings to them. */
import type { Row } from "../../live/waves";

export type About = {
  phases: Partial<Record<Row["phase"], string>>;
  /** By code, why one has failed or was skipped. */
  reasons: Record<string, string>;
  /** The title of what they had before, and how it is written. */
  from: string;
  written: (version: string) => string;
  /** Where a device's page shows more. */
  tab: "firmware" | "applications" | "commands";
};
