import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { useText } from "../text";
import { CheckIcon, CopyIcon } from "./icons";
import classes from "./parts.module.css";

/** One line to be copied whole; it scrolls instead of wrapping. `label` names it for screen readers. */
export function CopyLine({ line, label }: { line: string; label: string }) {
  const text = useText();
  return (
    <div className={classes.copyline}>
      <input
        className={classes.copytext}
        readOnly
        spellCheck={false}
        value={line}
        aria-label={label}
        onFocus={event => event.currentTarget.select()}
      />
      <CopyButton value={line}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? text.common.copied : text.common.copy}>
            <ActionIcon
              size={40}
              onClick={copy}
              aria-label={text.common.copy}
              color={copied ? "green" : "gray"}
            >
              {copied ? <CheckIcon /> : <CopyIcon />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}
