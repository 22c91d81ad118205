import { Button, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Problem } from "../api/problem";
import { problemText } from "../api/problemText";
import { session } from "../session/session";
import { useText } from "../text";
import classes from "./entry.module.css";
import { Entry } from "./SignIn";
import { PasskeyButton } from "./Ways";

/** The second step of a sign-in. */
export function ShowCode({ challenge }: { challenge: string }) {
  const text = useText();
  const words = text.shell.code;
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await session.showCode(challenge, code.trim());
    } catch (error) {
      const wrong = error instanceof Problem && error.status === 401;
      setProblem(wrong ? words.wrong : problemText(error, text));
      setBusy(false);
    }
  };
  return (
    <Entry title={words.title} product={text.common.product}>
      <p className={classes.hint}>{words.hint}</p>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={words.code}
            autoComplete="one-time-code"
            spellCheck={false}
            autoFocus
            maxLength={64}
            value={code}
            onChange={event => setCode(event.currentTarget.value)}
          />
          <div className={classes.said} role="alert">
            {problem}
          </div>
          <Button type="submit" size="sm" fullWidth disabled={code.trim() === ""} loading={busy}>
            {text.shell.signIn.submit}
          </Button>
          <PasskeyButton
            onProblem={error => setProblem(error === null ? null : problemText(error, text))}
          />
          <Button variant="subtle" fullWidth onClick={() => session.askPasswordAgain()}>
            {words.back}
          </Button>
        </Stack>
      </form>
    </Entry>
  );
}
