import { Button, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import { problemText } from "../../api/problemText";
import { changeUser, createUser, USERS, type User } from "../../api/users";
import { Actions, Hint } from "../../parts/Label";
import { Secret } from "../../parts/Secret";
import { EVERY_ROLE } from "../../session/access";
import { useText } from "../../text";
import { newPassword } from "./password";

/** A new user, with a password that is made here and shown once. */
export function CreateUser({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.users;
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [role, setRole] = useState<Role>("VIEWER");
  const [password] = useState(newPassword);
  const change = useChange(
    () =>
      createUser({
        username,
        password,
        role,
        displayName: displayName.trim() || null,
        initialPassword: true,
      }),
    { stale: [USERS], quiet: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const bad = username !== "" && /\s/.test(username);
  return (
    <Modal
      opened
      onClose={onClose}
      title={change.isSuccess ? words.made(username) : words.createTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {change.isSuccess ? (
        <Shown username={username} password={password} onClose={onClose} />
      ) : (
        <form onSubmit={submit} autoComplete="off">
          <Stack gap="sm">
            <TextInput
              label={words.username}
              data-autofocus
              maxLength={128}
              autoComplete="off"
              value={username}
              error={bad ? words.badUsername : change.isError && problemText(change.error, text)}
              onChange={event => setUsername(event.currentTarget.value)}
            />
            <TextInput
              label={`${words.displayName} (${text.common.optional})`}
              description={words.displayNameHint}
              maxLength={256}
              value={displayName}
              onChange={event => setDisplayName(event.currentTarget.value)}
            />
            <Select
              label={words.role}
              description={words.may[role]}
              allowDeselect={false}
              value={role}
              data={EVERY_ROLE.map(value => ({ value, label: text.common.roles[value] }))}
              onChange={value => setRole(EVERY_ROLE.find(one => one === value) ?? role)}
            />
            <Hint>{words.generated}</Hint>
            <Actions>
              <Button variant="default" onClick={onClose}>
                {text.common.cancel}
              </Button>
              <Button type="submit" disabled={username === "" || bad} loading={change.isPending}>
                {words.create}
              </Button>
            </Actions>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

export function ResetPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const text = useText();
  const words = text.users;
  const [password] = useState(newPassword);
  const change = useChange(() => changeUser(user.id, { password, initialPassword: true }), {
    stale: [USERS],
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={change.isSuccess ? words.wasReset(user.username) : words.resetTitle(user.username)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {change.isSuccess ? (
        <Shown username={user.username} password={password} onClose={onClose} />
      ) : (
        <Stack gap="sm">
          <div>{words.resetHint}</div>
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              color="red.8"
              loading={change.isPending}
              onClick={() => change.mutate(undefined)}
            >
              {words.reset}
            </Button>
          </Actions>
        </Stack>
      )}
    </Modal>
  );
}

type ShownProps = { username: string; password: string; onClose: () => void };

function Shown({ username, password, onClose }: ShownProps) {
  const words = useText().users;
  return (
    <Stack gap="sm">
      <Secret label={words.password(username)} value={password} hint={words.passwordHint} />
      <Actions>
        <Button onClick={onClose}>{words.keys.done}</Button>
      </Actions>
    </Stack>
  );
}
