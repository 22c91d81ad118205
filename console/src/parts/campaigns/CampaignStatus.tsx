import { useText } from "../../text";
import classes from "../parts.module.css";

const LOOK: Record<
  string,
  { colour: string; shape: "ring" | "play" | "pause" | "check" | "cross" | "bar" }
> = {
  SCHEDULED: { colour: "var(--mute)", shape: "ring" },
  AWAITING: { colour: "var(--warn)", shape: "pause" },
  PENDING: { colour: "var(--mute)", shape: "ring" },
  IN_PROGRESS: { colour: "var(--info)", shape: "play" },
  PAUSED: { colour: "var(--warn)", shape: "pause" },
  SUCCESS: { colour: "var(--ok)", shape: "check" },
  FAILED: { colour: "var(--bad)", shape: "cross" },
  ABORTED: { colour: "var(--mute)", shape: "bar" },
  SKIPPED: { colour: "var(--mute)", shape: "bar" },
};

/** Where a campaign stands, or one device of it. */
export function CampaignStatus({ status }: { status: string }) {
  const text = useText().campaigns;
  const { colour, shape } = LOOK[status] ?? { colour: "var(--mute)", shape: "ring" };
  return (
    <span className={classes.status} style={{ color: colour }} data-campaign={status}>
      <svg
        width="12"
        height="12"
        viewBox="0 0 12 12"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {shape === "ring" && <circle cx="6" cy="6" r="4.5" />}
        {shape === "play" && <path d="M3.5 2v8L10 6z" fill="currentColor" />}
        {shape === "pause" && <path d="M4 2.5v7M8 2.5v7" strokeWidth="2" />}
        {shape === "check" && <path d="m2 6.5 2.7 2.7L10 3.5" />}
        {shape === "cross" && <path d="m2.5 2.5 7 7M9.5 2.5l-7 7" />}
        {shape === "bar" && (
          <>
            <circle cx="6" cy="6" r="4.5" />
            <path d="M3.5 6h5" />
          </>
        )}
      </svg>
      {text.statuses[status] ?? status}
    </span>
  );
}
