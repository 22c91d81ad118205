import { type FormEvent, useRef, useState } from "react";
import type { Wish } from "../api/commands/requests";
import {
  type CommandSpec,
  commandOf,
  initialValues,
  typedValues,
  type Values,
} from "../api/commands/specs";
import { hubNow } from "../live/hubClock";
import type { Device } from "../live/standing";
import { MOST_TARGETS } from "./CommandPreview";

export type CommandFormProps = {
  targets: readonly Device[];
  /** Where the form begins: with what was sent before, or with a type. */
  start?: Partial<Wish>;
  /** Raises `Problem`. The same `key` is used for the same try again. */
  onSubmit: (wish: Wish, key: string) => Promise<void>;
};

type Options = CommandFormProps & { spec: CommandSpec };

/** What was typed so far, whether it may be sent, and the sending. */
export function useCommandForm({ spec, targets, start = {}, onSubmit }: Options) {
  const [values, setValues] = useState<Values>(() => ({
    ...initialValues(spec),
    ...(start.command && typedValues(start.command)),
  }));
  const [delivery, setDelivery] = useState<Wish["delivery"]>(start.delivery ?? "now");
  const [hours, setHours] = useState("24");
  const [seconds, setSeconds] = useState<number | string>(
    start.timeoutMs ? start.timeoutMs / 1000 : "",
  );
  const [approval, setApproval] = useState(start.approval ?? false);
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
    const ids = targets.map(({ id }) => id);
    const body = JSON.stringify([ids, command, seconds, delivery, hours, approval]);
    if (request.current.body !== body) {
      request.current = { body, key: newKey(), expiresAt: inHours(Number(hours)) };
    }
    const wish: Wish = {
      command: command as Wish["command"],
      timeoutMs: seconds === "" ? null : Math.round(Number(seconds) * 1000),
      delivery,
      expiresAt: delivery === "queue" ? request.current.expiresAt : null,
      approval,
    };
    try {
      await onSubmit(wish, request.current.key);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };

  return {
    values,
    change: (name: string, value: string | boolean) => setValues({ ...values, [name]: value }),
    problemOf: (name: string) => (tried ? problems[name] : undefined),
    delivery,
    setDelivery,
    hours,
    setHours,
    seconds,
    setSeconds,
    approval,
    setApproval,
    confirmed,
    setConfirmed,
    wanted,
    ready,
    busy,
    problem,
    submit,
  };
}

/** What has to be typed before something dangerous: the name of one, the number of many. */
export function confirmationOf(targets: readonly Device[]): string {
  return targets.length === 1 ? (targets[0]?.name ?? "") : String(targets.length);
}

function inHours(hours: number): string {
  return new Date(hubNow() + hours * 3_600_000).toISOString();
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), one => one.toString(36)).join("");
}
