import { Button, Modal, Textarea } from "@mantine/core";
import { useRef, useState } from "react";
import type { Schemas } from "../../../api/client";
import { Problem } from "../../../api/problem";
import { useRun } from "../../../live/commands/useRun";
import type { Device } from "../../../live/standing";
import { type Document, diff, nullAt, patchOf, read } from "../../../parts/document";
import { ProblemLine } from "../../../parts/ProblemLine";
import { RunView } from "../../../parts/RunView";
import { useText } from "../../../text";
import device_ from "../device.module.css";
import classes from "./config.module.css";
import { DiffTable } from "./DiffTable";

type Props = { device: Device; config: Schemas["Config"]; onClose: () => void };

/** Edit the device's own part of what is desired, see what will be sent, send it, watch what becomes of it. */
export function PushDialog({ device, config, onClose }: Props) {
  const text = useText();
  const words = text.device.config;
  // The own part when the editing began: the patch is against it, whatever comes meanwhile.
  const [before] = useState(config.own as Document);
  const [typed, setTyped] = useState(() => JSON.stringify(config.own, null, 2));
  const [reviewed, setReviewed] = useState<{ document: Document; patch: Document } | null>(null);
  const run = useRun();
  const { started } = run;
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={started ? words.pushing(device.name) : words.editing(device.name)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {started ? (
        <RunView started={started} onRetry={run.reset} onAnother={onClose} />
      ) : reviewed === null ? (
        <Edit
          typed={typed}
          before={before}
          hint={isShared(config) ? words.ownHint : words.editHint}
          onType={setTyped}
          onReview={setReviewed}
        />
      ) : (
        <Review
          {...reviewed}
          before={before}
          device={device}
          onBack={() => setReviewed(null)}
          onPush={key =>
            run.start(
              [device.id],
              {
                command: { type: "push_config", patch: reviewed.patch },
                timeoutMs: null,
                delivery: device.connected ? "now" : "queue",
                expiresAt: null,
                approval: false,
              },
              key,
            )
          }
        />
      )}
    </Modal>
  );
}

const isShared = (config: Schemas["Config"]) =>
  Object.values(config.from).some(source => source !== "own");

type EditProps = {
  typed: string;
  hint: string;
  before: Document;
  onType: (typed: string) => void;
  onReview: (reviewed: { document: Document; patch: Document }) => void;
};

function Edit({ typed, hint, before, onType, onReview }: EditProps) {
  const words = useText().device.config;
  const found = read(typed);
  const document = "document" in found ? found.document : null;
  const forbidden = document && nullAt(document);
  const patch = document && patchOf(before, document);
  const unchanged = patch !== null && Object.keys(patch).length === 0;
  const error =
    "problem" in found
      ? words.notJson(found.problem)
      : forbidden
        ? words.noNull(forbidden)
        : undefined;
  return (
    <div className={device_.popover}>
      <Textarea
        label={words.desiredLabel}
        description={hint}
        classNames={{ input: `mono ${classes.editor}` }}
        autosize
        minRows={12}
        maxRows={26}
        spellCheck={false}
        data-autofocus
        value={typed}
        error={error}
        onChange={event => onType(event.currentTarget.value)}
      />
      <div className={device_.row}>
        <Button
          disabled={error !== undefined || unchanged}
          onClick={() => document && patch && onReview({ document, patch })}
        >
          {words.review}
        </Button>
        {unchanged && <span className="dim">{words.unchanged}</span>}
      </div>
    </div>
  );
}

type ReviewProps = {
  document: Document;
  patch: Document;
  before: Document;
  device: Device;
  onBack: () => void;
  /** Raises `Problem`. */
  onPush: (key: string) => Promise<void>;
};

function Review({ document, patch, before, device, onBack, onPush }: ReviewProps) {
  const text = useText();
  const words = text.device.config;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const key = useRef(crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const push = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onPush(key.current);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const fields = problem instanceof Problem ? problem.fields : [];
  return (
    <div className={device_.popover}>
      <p className={device_.said}>{words.reviewHint}</p>
      <div className={classes.framed}>
        <DiffTable
          rows={diff(document, before).filter(({ kind }) => kind !== "same")}
          left={words.after}
          right={words.now}
        />
      </div>
      <div className={device_.block}>
        <h3>{words.patch}</h3>
        <pre className="mono">{JSON.stringify(patch, null, 2)}</pre>
      </div>
      {!device.connected && <p className="dim">{words.queued}</p>}
      {fields.length > 0 ? (
        <div role="alert" className={classes.violations}>
          <strong>{words.refused}</strong>
          <ul>
            {fields.map(({ field, message }) => (
              <li key={field + message}>
                <span className="mono">{field}</span>: {message}
              </li>
            ))}
          </ul>
        </div>
      ) : (
        problem !== null && <ProblemLine error={problem} />
      )}
      <div className={device_.row}>
        <Button loading={busy} onClick={push}>
          {words.push}
        </Button>
        <Button variant="default" onClick={onBack}>
          {words.back}
        </Button>
      </div>
    </div>
  );
}
