import { Button, CopyButton } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { LiveEvent } from "../../../live/frames";
import { useLive } from "../../../live/hooks";
import type { Device } from "../../../live/standing";
import { CheckIcon, CopyIcon, PauseIcon, PlayIcon, TrashIcon } from "../../../parts/icons";
import { useText } from "../../../text";
import classes from "./raw.module.css";

const MOST = 500;

/** Everything that dashboards are told of this device, as it travels. */
export function Raw({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.raw;
  const frames = useRef<{ key: number; said: string }[]>([]);
  const count = useRef(0);
  const frame = useRef(0);
  const frozen = useRef(false);
  const [shown, setShown] = useState<readonly { key: number; said: string }[]>([]);
  const [paused, setPaused] = useState(false);
  const [gaps, setGaps] = useState(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const draw = () => {
    frame.current = 0;
    if (!frozen.current) setShown(frames.current);
  };
  useLive(
    { deviceIds: [device.id] },
    {
      onEvent: (event: LiveEvent) => {
        count.current += 1;
        const one = { key: count.current, said: JSON.stringify(event) };
        frames.current = [one, ...frames.current.slice(0, MOST - 1)];
        frame.current ||= requestAnimationFrame(draw);
      },
      onGap: () => setGaps(known => known + 1),
    },
  );
  const toggle = () => {
    frozen.current = !paused;
    setPaused(!paused);
    draw();
  };
  const clear = () => {
    frames.current = [];
    setShown([]);
    setGaps(0);
  };

  return (
    <div className={classes.raw}>
      <div className={classes.bar}>
        <span className="dim">{words.hint(MOST)}</span>
        <div className={classes.buttons}>
          <Button
            variant={paused ? "filled" : "default"}
            leftSection={paused ? <PlayIcon size={14} /> : <PauseIcon size={14} />}
            onClick={toggle}
          >
            {paused ? words.resume : words.pause}
          </Button>
          <CopyButton value={shown.map(({ said }) => said).join("\n")}>
            {({ copied, copy }) => (
              <Button
                variant="default"
                disabled={shown.length === 0}
                leftSection={copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
                onClick={copy}
              >
                {copied ? text.common.copied : words.copy}
              </Button>
            )}
          </CopyButton>
          <Button variant="default" leftSection={<TrashIcon size={14} />} onClick={clear}>
            {words.clear}
          </Button>
        </div>
      </div>
      {gaps > 0 && (
        <p className={classes.gap} role="status">
          {words.gaps(gaps)}
        </p>
      )}
      <div
        className={classes.frames}
        role="log"
        aria-live="off"
        aria-label={words.title}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        {shown.length === 0 && <p className="dim">{words.none}</p>}
        {shown.map(({ key, said }) => (
          <pre key={key} className="mono">
            {said}
          </pre>
        ))}
      </div>
    </div>
  );
}
