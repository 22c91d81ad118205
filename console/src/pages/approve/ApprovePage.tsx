import { Button, Stack, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { decideProgram, waitingProgram } from "../../api/me";
import { Problem } from "../../api/problem";
import { problemText } from "../../api/problemText";
import { Actions, Hint } from "../../parts/Label";
import { Page, Section } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import { useSession } from "../../session/context";
import { useText } from "../../text";

/** Signs in a program without a browser, by the code that it shows. */
export function ApprovePage() {
  const text = useText();
  const words = text.approve;
  const { username } = useSession();
  const { code: given } = useSearch({ from: "/device" });
  const navigate = useNavigate();
  const [code, setCode] = useState(given ?? "");
  const look = useChange((typed: string) => waitingProgram(typed), { quiet: true });
  const decide = useChange((approve: boolean) => decideProgram(code.trim(), approve));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    look.mutate(code.trim());
  };
  const wrong = (error: unknown) =>
    error instanceof Problem && error.status === 404 ? words.wrong : problemText(error, text);
  if (decide.isSuccess) {
    return (
      <Page title={words.title}>
        <Section title={decide.variables ? words.approved : words.refused}>
          <Stack gap="sm" align="flex-start">
            <Hint>{decide.variables ? words.approvedHint : words.refusedHint}</Hint>
            <Button variant="default" onClick={() => void navigate({ to: "/" })}>
              {text.users.keys.done}
            </Button>
          </Stack>
        </Section>
      </Page>
    );
  }
  return (
    <Page title={words.title}>
      <Section title={words.step}>
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              label={words.code}
              description={words.codeHint}
              maxLength={64}
              autoComplete="off"
              spellCheck={false}
              value={code}
              error={look.isError && wrong(look.error)}
              onChange={event => {
                look.reset();
                setCode(event.currentTarget.value);
              }}
            />
            {look.data === undefined && (
              <Actions>
                <Button type="submit" disabled={code.trim() === ""} loading={look.isPending}>
                  {words.look}
                </Button>
              </Actions>
            )}
          </Stack>
        </form>
        {look.data && (
          <Stack gap="sm" mt="sm">
            <div role="status">
              {words.asks(look.data.clientId, username)}
              <ul>
                <li>{words.from(look.data.address ?? text.common.unknown)}</li>
                <li>
                  {words.since} <TimeText at={look.data.createdAt} />
                </li>
              </ul>
            </div>
            <Hint>{words.warning}</Hint>
            <Actions>
              <Button
                variant="default"
                loading={decide.isPending && decide.variables === false}
                onClick={() => decide.mutate(false)}
              >
                {words.refuse}
              </Button>
              <Button
                loading={decide.isPending && decide.variables === true}
                onClick={() => decide.mutate(true)}
              >
                {words.approve}
              </Button>
            </Actions>
          </Stack>
        )}
      </Section>
    </Page>
  );
}
