import { ActionIcon, Button, Menu, Select, Stack, Table, Tooltip } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import { changeUser, deleteUser, USERS, type User, useUsers } from "../../api/users";
import { Confirm } from "../../parts/Confirm";
import { Actions, Frame, Label } from "../../parts/Frame";
import { MoreIcon, PlusIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { ROLES, useMay } from "../../session/access";
import { useSession } from "../../session/context";
import { useText } from "../../text";
import { CreateUser, ResetPassword } from "./PasswordDialogs";

type Wish =
  | { deed: "reset" | "disable" | "delete"; user: User }
  | { deed: "role"; user: User; role: Role };

export function Users() {
  const text = useText();
  const words = text.users;
  const administers = useMay()("administer");
  const users = useUsers(true);
  const [creating, setCreating] = useState(false);
  const [wish, setWish] = useState<Wish | null>(null);
  const close = () => setWish(null);
  return (
    <Stack gap="sm">
      {administers && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      {users.isError && <ProblemLine error={users.error} onRetry={() => void users.refetch()} />}
      {users.isPending && <Loading height={200} />}
      {users.data && (
        <Frame
          label={words.tabs.users}
          heads={[words.name, words.role, words.state, words.created, ...(administers ? [""] : [])]}
        >
          {users.data.map(user => (
            <Row key={user.id} user={user} administers={administers} onWish={setWish} />
          ))}
        </Frame>
      )}
      {creating && <CreateUser onClose={() => setCreating(false)} />}
      {wish?.deed === "reset" && <ResetPassword user={wish.user} onClose={close} />}
      {wish?.deed === "disable" && (
        <Change
          title={words.disableTitle(wish.user.username)}
          hint={words.disableHint}
          act={words.disable}
          change={() => changeUser(wish.user.id, { disabled: true })}
          onClose={close}
        />
      )}
      {wish?.deed === "delete" && (
        <Change
          title={words.deleteTitle(wish.user.username)}
          hint={words.deleteHint}
          act={words.delete}
          typed={wish.user.username}
          change={() => deleteUser(wish.user.id)}
          onClose={close}
        />
      )}
      {wish?.deed === "role" && (
        <Change
          title={words.roleChange(wish.user.username, text.common.roles[wish.role])}
          hint={words.roleHint}
          act={text.common.save}
          change={() => changeUser(wish.user.id, { role: wish.role })}
          onClose={close}
        />
      )}
    </Stack>
  );
}

type RowProps = { user: User; administers: boolean; onWish: (wish: Wish) => void };

function Row({ user, administers, onWish }: RowProps) {
  const text = useText();
  const words = text.users;
  const me = useSession();
  const enable = useChange(() => changeUser(user.id, { disabled: false }), {
    stale: [USERS],
    done: words.changed,
  });
  const { username, displayName, role, disabled, initialPassword, createdAt } = user;
  return (
    <Table.Tr data-user={username}>
      <Table.Td>
        <strong>{username}</strong> {me.username === username && <Label>{words.you}</Label>}
        {displayName !== username && <span className="dim"> {displayName}</span>}
      </Table.Td>
      <Table.Td>
        {administers ? (
          <Select
            size="xs"
            w={140}
            aria-label={words.roleOf(username)}
            allowDeselect={false}
            value={role}
            data={ROLES.map(value => ({ value, label: text.common.roles[value] }))}
            onChange={value => {
              const chosen = ROLES.find(one => one === value);
              if (chosen && chosen !== role) onWish({ deed: "role", user, role: chosen });
            }}
          />
        ) : (
          text.common.roles[role]
        )}
      </Table.Td>
      <Table.Td>
        {disabled ? (
          <Label tone="bad">{words.disabled}</Label>
        ) : (
          <Label tone="ok">{words.active}</Label>
        )}{" "}
        {initialPassword && (
          <Tooltip label={words.initialHint}>
            <span>
              <Label tone="warn">{words.initial}</Label>
            </span>
          </Tooltip>
        )}
      </Table.Td>
      <Table.Td>
        <TimeText at={createdAt} />
      </Table.Td>
      {administers && (
        <Table.Td data-right>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon aria-label={words.actions(username)}>
                <MoreIcon />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => onWish({ deed: "reset", user })}>{words.reset}</Menu.Item>
              {disabled ? (
                <Menu.Item onClick={() => enable.mutate(undefined)}>{words.enable}</Menu.Item>
              ) : (
                <Menu.Item onClick={() => onWish({ deed: "disable", user })}>
                  {words.disable}
                </Menu.Item>
              )}
              <Menu.Item color="red" onClick={() => onWish({ deed: "delete", user })}>
                {words.delete}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Table.Td>
      )}
    </Table.Tr>
  );
}

type ChangeProps = {
  title: string;
  hint: string;
  act: string;
  typed?: string;
  change: () => Promise<unknown>;
  onClose: () => void;
};

function Change({ title, hint, act, typed, change, onClose }: ChangeProps) {
  const done = useText().users.changed;
  const { mutate, isPending } = useChange(change, { stale: [USERS], done, onDone: onClose });
  return (
    <Confirm
      title={title}
      act={act}
      {...(typed === undefined ? {} : { typed })}
      busy={isPending}
      onConfirm={() => mutate(undefined)}
      onClose={onClose}
    >
      {hint}
    </Confirm>
  );
}
