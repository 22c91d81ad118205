import {
  Alert,
  Button,
  NumberInput,
  SegmentedControl,
  Select,
  Switch,
  Textarea,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useMemo, useRef, useState } from "react";
import { useCommandSpecs, type Wish } from "../api/commands/requests";
import {
  type CommandSpec,
  commandOf,
  type Field,
  type FieldProblem,
  initialValues,
  titleOf,
  type Values,
} from "../api/commands/specs";
import { hubNow } from "../live/hubClock";
import type { Device } from "../live/standing";
import { covers } from "../session/access";
import { useSession } from "../session/context";
import { type Text, useText } from "../text";
import classes from "./command.module.css";
import { WarningIcon } from "./icons";
import { Loading } from "./Loading";
import { ProblemLine } from "./ProblemLine";
import { StatusShape } from "./StatusBadge";

/** The hub's most. */
export const MOST_TARGETS = 10_000;
const MOST_NAMED = 12;

type Props = {
  targets: readonly Device[];
  /** Where the form begins: with what was sent before, or with a type. */
  start?: Partial<Wish>;
  /** Raises `Problem`. The same `key` is used for the same try again. */
  onSubmit: (wish: Wish, key: string) => Promise<void>;
};

/** Any command for these devices: made from the contract, asked twice when it is dangerous. */
export function CommandForm({ targets, start, onSubmit }: Props) {
  const specs = useCommandSpecs();
  const [type, setType] = useState<string | null>(start?.command?.type ?? null);
  if (specs.isError)
    return <ProblemLine error={specs.error} onRetry={() => void specs.refetch()} />;
  if (specs.data === undefined) return <Loading height={160} />;
  const spec = specs.data.find(one => one.type === type);
  return (
    <div className={classes.form}>
      <CommandChoice specs={specs.data} type={type} onChange={setType} />
      {spec && (
        <SpecForm
          key={spec.type}
          spec={spec}
          targets={targets}
          start={start?.command?.type === spec.type ? start : {}}
          onSubmit={onSubmit}
        />
      )}
    </div>
  );
}

type ChoiceProps = {
  specs: readonly CommandSpec[];
  type: string | null;
  onChange: (type: string | null) => void;
};

function CommandChoice({ specs, type, onChange }: ChoiceProps) {
  const text = useText().commands.form;
  const { role } = useSession();
  const chosen = specs.find(one => one.type === type);
  return (
    <Select
      label={text.command}
      placeholder={text.choose}
      description={chosen?.description.replaceAll("`", "")}
      inputWrapperOrder={["label", "input", "description"]}
      searchable
      data-autofocus
      value={type}
      onChange={onChange}
      data={specs
        .filter(spec => covers(role, spec.role))
        .map(spec => ({ value: spec.type, label: titleOf(spec.type) }))}
    />
  );
}

type SpecFormProps = {
  spec: CommandSpec;
  targets: readonly Device[];
  start: Partial<Wish>;
  onSubmit: Props["onSubmit"];
};

function SpecForm({ spec, targets, start, onSubmit }: SpecFormProps) {
  const text = useText().commands.form;
  const [values, setValues] = useState<Values>(() => ({
    ...initialValues(spec),
    ...typed(start.command),
  }));
  const [delivery, setDelivery] = useState<Wish["delivery"]>(start.delivery ?? "now");
  const [hours, setHours] = useState("24");
  const [seconds, setSeconds] = useState<number | string>(
    start.timeoutMs ? start.timeoutMs / 1000 : "",
  );
  const [confirmed, setConfirmed] = useState("");
  const [tried, setTried] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const request = useRef({ body: "", key: "", expiresAt: "" });
  const { command, problems } = commandOf(spec, values);
  const wanted = confirmationOf(targets);
  const ready =
    targets.length > 0 &&
    targets.length <= MOST_TARGETS &&
    (spec.danger !== "yes" || confirmed.trim() === wanted);

  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    setTried(true);
    if (!ready || Object.keys(problems).length > 0) return;
    setBusy(true);
    setProblem(null);
    // The same request tried again has the same key: the hub does it once.
    const body = JSON.stringify([targets.map(({ id }) => id), command, seconds, delivery, hours]);
    if (request.current.body !== body) {
      request.current = { body, key: newKey(), expiresAt: inHours(Number(hours)) };
    }
    const wish: Wish = {
      command: command as Wish["command"],
      timeoutMs: seconds === "" ? null : Math.round(Number(seconds) * 1000),
      delivery,
      expiresAt: delivery === "queue" ? request.current.expiresAt : null,
    };
    try {
      await onSubmit(wish, request.current.key);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };

  return (
    <form onSubmit={submit} className={classes.form} noValidate>
      {spec.fields.map(field => (
        <FieldInput
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          problem={tried ? problems[field.name] : undefined}
          onChange={value => setValues({ ...values, [field.name]: value })}
        />
      ))}
      <div className={classes.pair}>
        <div>
          <div className={classes.label} id="delivery">
            {text.delivery}
          </div>
          <SegmentedControl
            fullWidth
            size="xs"
            aria-labelledby="delivery"
            value={delivery}
            onChange={value => setDelivery(value as Wish["delivery"])}
            data={[
              { value: "now", label: text.now },
              { value: "queue", label: text.queue },
            ]}
          />
        </div>
        {delivery === "queue" && (
          <Select
            label={text.expires}
            allowDeselect={false}
            value={hours}
            onChange={value => setHours(value ?? "24")}
            data={Object.entries(text.expiries).map(([value, label]) => ({ value, label }))}
          />
        )}
        <NumberInput
          label={`${text.timeout} (${text.seconds})`}
          placeholder={text.timeoutHint(spec.timeoutMs / 1000)}
          min={0.1}
          max={86_400}
          hideControls
          value={seconds}
          onChange={setSeconds}
        />
      </div>
      <Preview targets={targets} queued={delivery === "queue"} />
      {spec.danger !== "no" && (
        <Alert color={spec.danger === "yes" ? "red" : "yellow"} icon={<WarningIcon />} p="xs">
          {text.dangers[spec.danger]}
        </Alert>
      )}
      {spec.danger === "yes" && (
        <TextInput
          label={targets.length === 1 ? text.typeName(wanted) : text.typeCount(targets.length)}
          autoComplete="off"
          spellCheck={false}
          value={confirmed}
          onChange={event => setConfirmed(event.currentTarget.value)}
        />
      )}
      {problem !== null && <ProblemLine error={problem} onRetry={() => void submit()} />}
      <Button
        type="submit"
        size="sm"
        loading={busy}
        disabled={!ready}
        color={spec.danger === "yes" ? "red.9" : "sea"}
      >
        {targets.length === 1
          ? text.submit(titleOf(spec.type))
          : text.submitMany(titleOf(spec.type), targets.length)}
      </Button>
    </form>
  );
}

/** What has to be typed before something dangerous: the name of one, the number of many. */
export function confirmationOf(targets: readonly Device[]): string {
  return targets.length === 1 ? (targets[0]?.name ?? "") : String(targets.length);
}

type FieldProps = {
  field: Field;
  value: string | boolean;
  problem: FieldProblem | undefined;
  onChange: (value: string | boolean) => void;
};

function FieldInput({ field, value, problem, onChange }: FieldProps) {
  const text = useText();
  const words = text.commands.form;
  const label = titleOf(field.name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`));
  const shared = {
    label,
    required: field.required,
    error: problem && problemOf(problem, field, words),
  };
  if (typeof value === "boolean") {
    return (
      <Switch
        label={label}
        checked={value}
        onChange={event => onChange(event.currentTarget.checked)}
      />
    );
  }
  const typing = {
    ...shared,
    value,
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  switch (field.kind) {
    case "choice":
      return (
        <Select
          {...shared}
          clearable={!field.required}
          placeholder={words.anyChoice}
          value={value || null}
          onChange={chosen => onChange(chosen ?? "")}
          data={[...field.choices]}
        />
      );
    case "map":
    case "json":
      return (
        <Textarea
          {...typing}
          autosize
          minRows={3}
          maxRows={14}
          classNames={{ input: "mono" }}
          placeholder={field.kind === "map" ? words.mapHint : words.jsonHint}
        />
      );
    case "integer":
      return <TextInput {...typing} inputMode="numeric" />;
    default:
      return field.longest !== null && field.longest > 256 ? (
        <Textarea {...typing} autosize minRows={2} />
      ) : (
        <TextInput {...typing} />
      );
  }
}

function problemOf(problem: FieldProblem, field: Field, words: Text["commands"]["form"]): string {
  switch (problem) {
    case "range":
      return words.problems.range(field.least, field.most);
    case "long":
      return words.problems.long(field.longest ?? 0);
    default:
      return words.problems[problem];
  }
}

/** Who is hit: how many, in which state, and the first few by name. */
function Preview({ targets, queued }: { targets: readonly Device[]; queued: boolean }) {
  const text = useText().commands.preview;
  const counts = useMemo(() => {
    const blocked = targets.filter(({ disabled }) => disabled).length;
    const connected = targets.filter(({ connected, disabled }) => connected && !disabled).length;
    return { blocked, connected, offline: targets.length - blocked - connected };
  }, [targets]);
  return (
    <div className={classes.preview} role="group" aria-label={text.title}>
      <div className={classes.counts}>
        <span>
          <StatusShape status="ONLINE" /> {text.connected(counts.connected)}
        </span>
        {counts.offline > 0 && (
          <span>
            <StatusShape status="OFFLINE" />
            {queued ? text.offlineQueue(counts.offline) : text.offlineNow(counts.offline)}
          </span>
        )}
        {counts.blocked > 0 && (
          <span>
            <StatusShape status="DISABLED" /> {text.blocked(counts.blocked)}
          </span>
        )}
      </div>
      {targets.length > 1 && (
        <div className={classes.names}>
          {targets.slice(0, MOST_NAMED).map(device => (
            <span key={device.id}>{device.name}</span>
          ))}
          {targets.length > MOST_NAMED && <em>{text.more(targets.length - MOST_NAMED)}</em>}
        </div>
      )}
      {targets.length > MOST_TARGETS && <strong>{text.tooMany(MOST_TARGETS)}</strong>}
    </div>
  );
}

/** The parameters of a command as they would be typed. */
function typed(command: Wish["command"] | undefined): Values {
  const { type: _, id: __, ...parameters } = command ?? { type: "" };
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      if (typeof value === "boolean" || typeof value === "string") return [name, value];
      return [name, typeof value === "object" ? JSON.stringify(value, null, 2) : String(value)];
    }),
  );
}

function inHours(hours: number): string {
  return new Date(hubNow() + hours * 3_600_000).toISOString();
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), one => one.toString(36)).join("");
}
