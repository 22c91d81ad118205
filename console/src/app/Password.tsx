import { Button, Checkbox, Modal, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type FormEvent, useState } from "react";
import { Problem } from "../api/problem";
import { problemText } from "../api/problemText";
import { useSession } from "../session/context";
import { session } from "../session/session";
import { useText } from "../text";
import classes from "./entry.module.css";
import { Entry } from "./SignIn";

/** The hub's least. */
export const LEAST = 10;

/** The first thing on a fresh hub: its generated password is changed. */
export function FirstPassword({ username }: { username: string }) {
  const { shell, common } = useText();
  return (
    <Entry title={shell.password.first} product={common.product}>
      <p className={classes.hint}>{shell.password.firstHint}</p>
      <PasswordForm username={username} onDone={() => undefined} />
    </Entry>
  );
}

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { username } = useSession();
  const { shell, common } = useText();
  const done = () => {
    notifications.show({ message: shell.password.done });
    onClose();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={shell.password.change}
      size="sm"
      closeButtonProps={{ "aria-label": common.close }}
    >
      <p className={classes.hint}>{shell.password.hint}</p>
      <PasswordForm username={username} onDone={done} />
    </Modal>
  );
}

function PasswordForm({ username, onDone }: { username: string; onDone: () => void }) {
  const text = useText();
  const { password: words } = text.shell;
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [endKeys, setEndKeys] = useState(false);
  const [tried, setTried] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const short = next.length < LEAST ? words.tooShort(LEAST) : null;
  const different = again !== next ? words.different : null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (short !== null || different !== null) return;
    setBusy(true);
    setProblem(null);
    try {
      await session.changePassword(current, next, endKeys);
      onDone();
    } catch (error) {
      const wrong = error instanceof Problem && (error.status === 401 || error.status === 403);
      setProblem(wrong ? words.wrongCurrent : problemText(error, text));
    }
    setBusy(false);
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <input hidden readOnly autoComplete="username" value={username} />
        {!session.knowsGenerated() && (
          <PasswordInput
            label={words.current}
            autoComplete="current-password"
            required
            withAsterisk={false}
            data-autofocus
            value={current}
            onChange={event => setCurrent(event.currentTarget.value)}
          />
        )}
        <PasswordInput
          label={words.next}
          description={words.tooShort(LEAST)}
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={tried && short}
          value={next}
          onChange={event => setNext(event.currentTarget.value)}
        />
        <PasswordInput
          label={words.again}
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={tried && different}
          value={again}
          onChange={event => setAgain(event.currentTarget.value)}
        />
        {!session.knowsGenerated() && (
          <Checkbox
            label={words.endKeys}
            description={words.endKeysHint}
            checked={endKeys}
            onChange={event => setEndKeys(event.currentTarget.checked)}
          />
        )}
        <div className={classes.said} role="alert">
          {problem}
        </div>
        <Button type="submit" size="sm" fullWidth loading={busy}>
          {words.submit}
        </Button>
      </Stack>
    </form>
  );
}
