import { useText } from "../text";
import { CopyLine } from "./CopyLine";
import classes from "./label.module.css";

/** What is shown this once, with a button that copies it. */
export function Secret({ label, value, hint }: { label: string; value: string; hint?: string }) {
  const text = useText();
  return (
    <div className={classes.secret} role="status">
      <strong>{label}</strong>
      <CopyLine line={value} label={label} />
      <p>{hint ?? text.common.shownOnce}</p>
    </div>
  );
}
