import { type FormEvent, useRef, useState } from "react";
import type { Wish } from "../api/commands/requests";
import { signByPasskey } from "../api/commands/signing";
import {
  type CommandSpec,
  commandOf,
  initialValues,
  typedValues,
  type Values,
} from "../api/commands/specs";
import { useSigningPasskeys } from "../api/passkeys";
import { hubNow } from "../live/hubClock";
import type { Device } from "../live/standing";
import { useSession } from "../session/context";
import { MOST_TARGETS } from "./CommandPreview";

/** How long a signature counts; for a device that is waited for almost as long as devices take one. */
const SIGNED_HOURS = { now: 1 / 6, queue: 23 };

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
  const [signs, setSigns] = useState(false);
  const passkeys = useSigningPasskeys();
  const { orgId } = useSession();
  const [tried, setTried] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const request = useRef<Request>({ body: "", key: "", expiresAt: "", signed: null });
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
    const body = JSON.stringify([ids, command, seconds, delivery, hours, approval, signs]);
    if (request.current.body !== body) {
      request.current = { body, key: newKey(), expiresAt: inHours(Number(hours)), signed: null };
    }
    const wish: Wish = {
      command: command as Wish["command"],
      timeoutMs: seconds === "" ? null : Math.round(Number(seconds) * 1000),
      delivery,
      expiresAt: delivery === "queue" ? request.current.expiresAt : null,
      approval,
    };
    try {
      // Signed once: the same try again is the same command.
      const signed = signs ? (request.current.signed ?? (await sign(wish))) : wish;
      if (signs) request.current.signed = signed;
      if (signed !== null) await onSubmit(signed, request.current.key);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };

  const sign = (wish: Wish) => {
    const [{ id: deviceId }] = targets as [Device];
    const ahead = Math.min(SIGNED_HOURS[delivery], Number(hours));
    return signByPasskey(wish, { org: orgId, deviceId, notAfter: inHours(ahead), passkeys });
  };

  return {
    values,
    /** One touch signs one command. */
    maySign: targets.length === 1 && passkeys.length > 0,
    signs,
    setSigns,
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

type Request = { body: string; key: string; expiresAt: string; signed: Wish | null };

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
