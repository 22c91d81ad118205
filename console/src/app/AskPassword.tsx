import { Button, Modal, PasswordInput, Stack } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { Problem } from "../api/problem";
import { problemText } from "../api/problemText";
import { askWith } from "../api/recent";
import { offersPasskeys } from "../api/webauthn";
import { Actions } from "../parts/Label";
import { useSession } from "../session/context";
import { session } from "../session/session";
import { useText } from "../text";

type Answer = (done: boolean) => void;

/** Asks for the password where the hub wants it again; several calls at once wait for one answer. */
export function AskPassword() {
  const [waiting, setWaiting] = useState<readonly Answer[]>([]);
  useEffect(
    () => askWith(() => new Promise(answer => setWaiting(before => [...before, answer]))),
    [],
  );
  if (waiting.length === 0) return null;
  const answer = (done: boolean) => {
    setWaiting([]);
    for (const one of waiting) one(done);
  };
  return <Ask onAnswer={answer} />;
}

function Ask({ onAnswer }: { onAnswer: Answer }) {
  const text = useText();
  const words = text.shell.password;
  const { username } = useSession();
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await session.reauthenticate(password);
      onAnswer(true);
    } catch (error) {
      const wrong = error instanceof Problem && (error.status === 401 || error.status === 403);
      setProblem(wrong ? words.wrongCurrent : problemText(error, text));
      setBusy(false);
    }
  };

  const byPasskey = async () => {
    setBusy(true);
    try {
      if (await session.reauthenticateByPasskey()) onAnswer(true);
    } catch (error) {
      setProblem(problemText(error, text));
    }
    setBusy(false);
  };

  return (
    <Modal
      opened
      onClose={() => onAnswer(false)}
      title={words.askTitle}
      size="sm"
      zIndex={400}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <div>{words.askHint}</div>
          <input hidden readOnly autoComplete="username" value={username} />
          <PasswordInput
            label={words.current}
            autoComplete="current-password"
            data-autofocus
            value={password}
            error={problem}
            onChange={event => setPassword(event.currentTarget.value)}
          />
          <Actions>
            {offersPasskeys() && (
              <Button variant="default" loading={busy} onClick={() => void byPasskey()}>
                {words.byPasskey}
              </Button>
            )}
            <Button variant="default" onClick={() => onAnswer(false)}>
              {text.common.cancel}
            </Button>
            <Button type="submit" disabled={password === ""} loading={busy}>
              {words.askSubmit}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}
