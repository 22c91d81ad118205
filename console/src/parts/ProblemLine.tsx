import { Button } from "@mantine/core";
import { problemText } from "../api/problemText";
import { useText } from "../text";
import { WarningIcon } from "./icons";
import classes from "./parts.module.css";

/** One readable line for whatever went wrong, and a way to try again. */
export function ProblemLine({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const text = useText();
  return (
    <div className={classes.problem} role="alert">
      <WarningIcon />
      <span>{problemText(error, text)}</span>
      {onRetry && (
        <Button variant="default" onClick={onRetry}>
          {text.common.retry}
        </Button>
      )}
    </div>
  );
}
