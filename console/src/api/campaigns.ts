/** What a deployment and a roll-out of an application have in common: both go out in waves. */
import type { Schemas } from "./client";

export type Campaign = Omit<Schemas["RollOutItem"], "application" | "revision">;
export type CampaignDevice = Schemas["CampaignDevice"];
export type Wish = "pause" | "resume" | "abort";

/** What a new one has to say, beside what it brings and to whom. */
export type CampaignTerms = Pick<
  Schemas["RollOutBody"],
  "waves" | "ratePerMinute" | "soakSeconds" | "phaseTimeoutSeconds" | "stopAt"
>;
