/** A schedule as it is typed, and how it is told. Pure. */
import type { Schedule, ScheduleBody, ScheduleRun } from "../../api/schedules";
import type { Text } from "../../text";
import { absoluteTime, OWN_ZONE } from "../../text/format";

export type ScheduleForm = {
  name: string;
  cron: string;
  timezone: string;
  query: string;
  /** The type of the command. */
  command: string | null;
  /** Its parameters, as JSON. */
  params: string;
  queued: boolean;
};

export const EMPTY: ScheduleForm = {
  name: "",
  cron: "0 3 * * *",
  timezone: OWN_ZONE,
  query: "",
  command: null,
  params: "",
  queued: false,
};

/** Null for what is no object. */
export function paramsOf(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Null while something is missing. */
export function bodyOf(form: ScheduleForm): ScheduleBody | null {
  const [name, cron, timezone, query] = [form.name, form.cron, form.timezone, form.query].map(
    each => each.trim(),
  );
  const params = paramsOf(form.params);
  if (!name || !cron || !timezone || !query || form.command === null || params === null) {
    return null;
  }
  return {
    name,
    cron,
    timezone,
    target: { query },
    // The hub says what is wrong with parameters.
    command: { ...params, type: form.command } as NonNullable<ScheduleBody["command"]>,
    delivery: form.queued ? "queue" : "now",
  };
}

/** What it does, in a word; `titleOf` names a type of command. */
export function doesOf(
  { command, campaign }: Pick<Schedule, "command" | "campaign">,
  words: Text["schedules"],
  titleOf: (type: string) => string,
): string {
  if (command !== null) return titleOf(String(command.type));
  if (campaign === null) return "";
  if (campaign.application !== null) return words.campaign(campaign.application.name);
  return words.campaign(
    campaign.command === null ? words.release : titleOf(String(campaign.command.type)),
  );
}

export function whenOf(
  { cron, at, timezone }: Pick<Schedule, "cron" | "at" | "timezone">,
  words: Text["schedules"],
): string {
  if (cron === null) return words.once(absoluteTime(at ?? ""));
  return words.inZone(cron, timezone === "device" ? words.ownZones : timezone);
}

export const totalOf = ({ counts }: Pick<ScheduleRun, "counts">) =>
  counts.pending + counts.inProgress + counts.success + counts.failed + counts.skipped;
