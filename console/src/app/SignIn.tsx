import { Button, PasswordInput, Select, Stack, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { PREFIX } from "../api/prefix";
import { Problem } from "../api/problem";
import { problemText } from "../api/problemText";
import { useProviders } from "../api/providers";
import { session } from "../session/session";
import { useText } from "../text";
import classes from "./entry.module.css";
import icon from "./icon.svg";
import { Ways } from "./Ways";

const PASSWORD = "password";

/** Why a provider's page has brought somebody back without a session, as the address says it. */
function failure(sentences: Record<string, string>): string | null {
  const error = new URLSearchParams(location.search).get("error");
  if (error === null || location.pathname !== `${PREFIX}/login`) return null;
  return sentences[error] ?? sentences.other ?? error;
}

export function SignIn({ ended }: { ended: boolean }) {
  const { shell, common } = useText();
  const text = useText();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string | null>(
    ended ? shell.signIn.ended : failure(shell.signIn.errors),
  );
  const providers = useProviders(session.lastOrg() ?? "default").data ?? [];
  const directories = providers.filter(({ kind }) => kind === "ldap");
  const [by, setBy] = useState(PASSWORD);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await session.signIn(username, password, by === PASSWORD ? null : by);
    } catch (error) {
      const wrong = error instanceof Problem && error.status === 401;
      setProblem(wrong ? shell.signIn.wrong : problemText(error, text));
      setBusy(false);
    }
  };

  const told = (error: unknown) => {
    const unknown = error instanceof Problem && error.status === 401;
    if (error === null) setProblem(null);
    else setProblem(unknown ? shell.signIn.badPasskey : problemText(error, text));
  };

  return (
    <Entry title={shell.signIn.title} product={common.product}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {directories.length > 0 && (
            <Select
              label={shell.signIn.with}
              allowDeselect={false}
              value={by}
              data={[
                { value: PASSWORD, label: shell.signIn.ownPassword },
                ...directories.map(({ id, name }) => ({ value: id, label: name })),
              ]}
              onChange={value => setBy(value ?? PASSWORD)}
            />
          )}
          <TextInput
            label={shell.signIn.username}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            data-autofocus
            autoFocus
            value={username}
            onChange={event => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label={shell.signIn.password}
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={event => setPassword(event.currentTarget.value)}
          />
          <div className={classes.said} role="alert">
            {problem}
          </div>
          <Button type="submit" size="sm" fullWidth loading={busy}>
            {shell.signIn.submit}
          </Button>
        </Stack>
      </form>
      <Ways providers={providers} onProblem={told} />
    </Entry>
  );
}

/** The frame of what comes before the shell. */
export function Entry(props: { title: string; product: string; children: React.ReactNode }) {
  return (
    <main className={classes.entry}>
      <title>{`${props.title} · ${props.product}`}</title>
      <div className={classes.card}>
        <div className={classes.brand}>
          <img src={icon} alt="" width={32} height={32} />
          {props.product}
        </div>
        <Title order={1} mb="md">
          {props.title}
        </Title>
        {props.children}
      </div>
    </main>
  );
}
