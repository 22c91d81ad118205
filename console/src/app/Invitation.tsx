import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { PREFIX } from "../api/prefix";
import { Problem } from "../api/problem";
import { problemText } from "../api/problemText";
import { Hint } from "../parts/Label";
import { Page, Section } from "../parts/Page";
import { useSession } from "../session/context";
import { session } from "../session/session";
import { type Text, useText } from "../text";
import classes from "./entry.module.css";
import { LEAST } from "./Password";
import { Entry, SignIn } from "./SignIn";

/** What the link carries: behind `#`, so that it is in no log. */
const tokenOf = () => location.hash.slice(1);

/** Of somebody who has not signed in: a new account, or first the sign-in. */
export function AcceptInvitation() {
  const text = useText();
  const words = text.shell.invitation;
  const [hasAccount, setHasAccount] = useState(false);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const accepting = useAccepting(text);
  const short = password !== "" && password.length < LEAST && text.shell.password.tooShort(LEAST);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void accepting.accept({ username, password });
  };
  if (hasAccount) return <SignIn ended={false} />;
  return (
    <Entry title={words.title} product={text.common.product}>
      <p className={classes.hint}>{words.newHint}</p>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={text.shell.signIn.username}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={128}
            value={username}
            onChange={event => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label={text.shell.signIn.password}
            description={text.shell.password.tooShort(LEAST)}
            autoComplete="new-password"
            error={short}
            value={password}
            onChange={event => setPassword(event.currentTarget.value)}
          />
          <div className={classes.said} role="alert">
            {accepting.problem}
          </div>
          <Button
            type="submit"
            size="sm"
            fullWidth
            disabled={username === "" || password.length < LEAST}
            loading={accepting.busy}
          >
            {words.make}
          </Button>
          <Button variant="subtle" fullWidth onClick={() => setHasAccount(true)}>
            {words.hasAccount}
          </Button>
        </Stack>
      </form>
    </Entry>
  );
}

/** Of somebody who has signed in. */
export function InvitationPage() {
  const text = useText();
  const words = text.shell.invitation;
  const { username } = useSession();
  const navigate = useNavigate();
  const accepting = useAccepting(text);
  const join = async () => {
    if (await accepting.accept()) await navigate({ to: "/", replace: true });
  };
  return (
    <Page title={words.title}>
      <Section title={words.as(username)}>
        <Stack gap="sm" align="flex-start">
          <Hint>{words.joinHint}</Hint>
          <div className={classes.said} role="alert">
            {accepting.problem}
          </div>
          <Button loading={accepting.busy} onClick={() => void join()}>
            {words.join}
          </Button>
        </Stack>
      </Section>
    </Page>
  );
}

function useAccepting(text: Text) {
  const words = text.shell.invitation;
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const accept = async (account?: { username: string; password: string }) => {
    setBusy(true);
    setProblem(null);
    try {
      await session.accept(tokenOf(), account);
      if (account) window.history.replaceState(null, "", `${PREFIX}/`);
      return true;
    } catch (error) {
      setProblem(problemOf(error, text));
      setBusy(false);
      return false;
    }
  };
  const problemOf = (error: unknown, all: Text) => {
    if (error instanceof Problem && error.status === 410) return words.gone;
    if (error instanceof Problem && error.code === "sign_in_first") return words.taken;
    return problemText(error, all);
  };
  return { problem, busy, accept };
}
