/** How a campaign is to go about it, as it is typed. Pure. */
import type { CampaignTerms } from "../../api/campaigns";
import { problemOf, type Wave } from "../../live/waves";

type Typed = number | string;

/** `patience` in minutes; without `rate` there is no limit. */
export type TypedTerms = {
  waves: readonly Wave[];
  rate: Typed;
  soak: Typed;
  patience: Typed;
  failed: Typed;
  minimum: Typed;
};

/** A careful beginning: one device, a tenth, a half, all. */
export const CAREFUL: TypedTerms = {
  waves: [{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }],
  rate: 60,
  soak: 60,
  patience: 60,
  failed: 20,
  minimum: 5,
};

/** As the hub takes them; null while they are not complete. */
export function termsOf(typed: TypedTerms): CampaignTerms | null {
  const { waves, rate, soak, patience, failed, minimum } = typed;
  const isNumber = (value: Typed) => typeof value === "number";
  if (problemOf(waves) !== null || ![soak, patience, failed, minimum].every(isNumber)) return null;
  return {
    waves: [...waves],
    soakSeconds: Number(soak),
    phaseTimeoutSeconds: Number(patience) * 60,
    stopAt: { failedPercent: Number(failed), minimum: Number(minimum) },
    ...(isNumber(rate) ? { ratePerMinute: Number(rate) } : {}),
  };
}
