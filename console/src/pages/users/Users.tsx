import { ActionIcon, Button, Menu, Select, Stack, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import { changeUser, deleteUser, USERS, type User, useUsers } from "../../api/users";
import { Confirm } from "../../parts/Confirm";
import { MoreIcon, PlusIcon } from "../../parts/icons";
import { Actions, Label } from "../../parts/Label";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { EVERY_ROLE, type May, useMay } from "../../session/access";
import { useSession } from "../../session/context";
import { useText } from "../../text";
import { CreateUser, ResetPassword } from "./PasswordDialogs";

type Wish =
  | { deed: "reset" | "disable" | "delete"; user: User }
  | { deed: "role"; user: User; role: Role };

export function Users() {
  const text = useText();
  const words = text.users;
  const may = useMay();
  const changes = may("users:update");
  const acts = changes || may("users:delete");
  const users = useUsers(true);
  const [creating, setCreating] = useState(false);
  const [wish, setWish] = useState<Wish | null>(null);
  const close = () => setWish(null);
  const columns: Column<User>[] = [
    { key: "name", title: words.name, cell: user => <Who user={user} /> },
    {
      key: "role",
      title: words.role,
      cell: user =>
        changes ? <RoleChoice user={user} onWish={setWish} /> : text.common.roles[user.role],
    },
    { key: "state", title: words.state, cell: user => <State user={user} /> },
    { key: "created", title: words.created, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
  ];
  const actions: Column<User> = {
    key: "actions",
    title: "",
    right: true,
    cell: user => <RowMenu user={user} may={may} onWish={setWish} />,
  };
  return (
    <Stack gap="sm">
      {may("users:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      <DataTable
        label={words.tabs.users}
        columns={acts ? [...columns, actions] : columns}
        rows={users.data ?? []}
        keyOf={({ id }) => id}
        marks={({ username }) => ({ "data-user": username })}
        reading={users}
      />
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

function Who({ user: { id, username, displayName } }: { user: User }) {
  const words = useText().users;
  const me = useSession();
  return (
    <>
      <Link to="/users" search={{ id }}>
        <strong>{username}</strong>
      </Link>{" "}
      {me.username === username && <Label>{words.you}</Label>}
      {displayName !== username && <span className="dim"> {displayName}</span>}
    </>
  );
}

type RowProps = { user: User; onWish: (wish: Wish) => void };

function RoleChoice({ user, onWish }: RowProps) {
  const text = useText();
  return (
    <Select
      size="xs"
      w={140}
      aria-label={text.users.roleOf(user.username)}
      allowDeselect={false}
      value={user.role}
      data={EVERY_ROLE.map(value => ({ value, label: text.common.roles[value] }))}
      onChange={value => {
        const chosen = EVERY_ROLE.find(one => one === value);
        if (chosen && chosen !== user.role) onWish({ deed: "role", user, role: chosen });
      }}
    />
  );
}

function State({ user: { disabled, initialPassword } }: { user: User }) {
  const words = useText().users;
  return (
    <>
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
    </>
  );
}

function RowMenu({ user, may, onWish }: RowProps & { may: May }) {
  const words = useText().users;
  const changes = may("users:update");
  const enable = useChange(() => changeUser(user.id, { disabled: false }), {
    stale: [USERS],
    done: words.changed,
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={words.actions(user.username)}>
          <MoreIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {changes && (
          <Menu.Item onClick={() => onWish({ deed: "reset", user })}>{words.reset}</Menu.Item>
        )}
        {changes &&
          (user.disabled ? (
            <Menu.Item onClick={() => enable.mutate(undefined)}>{words.enable}</Menu.Item>
          ) : (
            <Menu.Item onClick={() => onWish({ deed: "disable", user })}>{words.disable}</Menu.Item>
          ))}
        {may("users:delete") && (
          <Menu.Item color="red" onClick={() => onWish({ deed: "delete", user })}>
            {words.delete}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
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
