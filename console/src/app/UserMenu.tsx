import { Button, Menu, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useChange } from "../api/change";
import { nameOf, useMe } from "../api/me";
import {
  AutoIcon,
  DownIcon,
  GroupIcon,
  KeyboardIcon,
  KeyIcon,
  LeaveIcon,
  LockIcon,
  MoonIcon,
  SettingsIcon,
  SunIcon,
  UserIcon,
} from "../parts/icons";
import { useSession } from "../session/context";
import { session } from "../session/session";
import { useText } from "../text";
import { useShellActions } from "./actions";

export function UserMenu() {
  const text = useText();
  const user = useSession();
  const actions = useShellActions();
  const navigate = useNavigate();
  const name = user.displayName ?? user.username;
  return (
    <Menu position="bottom-end" width={240} keepMounted={false}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          px={8}
          leftSection={<UserIcon size={16} />}
          rightSection={<DownIcon size={14} />}
          aria-label={text.shell.userMenu(name)}
        >
          {name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {user.username} · {text.common.roles[user.role]}
        </Menu.Label>
        <ThemeControl />
        <Menu.Divider />
        <Menu.Item leftSection={<KeyboardIcon size={16} />} onClick={actions.openKeys}>
          {text.shell.keys}
        </Menu.Item>
        <Menu.Item
          leftSection={<KeyIcon size={16} />}
          onClick={() => void navigate({ to: "/users", search: { tab: "keys" } })}
        >
          {text.shell.apiKeys}
        </Menu.Item>
        <Menu.Item leftSection={<LockIcon size={16} />} onClick={actions.openPassword}>
          {text.shell.changePassword}
        </Menu.Item>
        <Menu.Item leftSection={<UserIcon size={16} />} onClick={actions.openSessions}>
          {text.shell.sessions.title}
        </Menu.Item>
        <Menu.Item leftSection={<LockIcon size={16} />} onClick={actions.openFactor}>
          {text.shell.factor.title}
        </Menu.Item>
        <Menu.Item leftSection={<KeyIcon size={16} />} onClick={actions.openPasskeys}>
          {text.shell.passkeys.title}
        </Menu.Item>
        <Menu.Item leftSection={<KeyIcon size={16} />} onClick={actions.openCommandKeys}>
          {text.shell.commandKeys.title}
        </Menu.Item>
        <Organisations />
        <Menu.Divider />
        <Menu.Item leftSection={<LeaveIcon size={16} />} onClick={() => void session.signOut()}>
          {text.shell.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** The others that one is in, and for who administers the installation all of them. */
function Organisations() {
  const words = useText().shell.organisations;
  const { orgId } = useSession();
  const { data: me } = useMe();
  const navigate = useNavigate();
  const change = useChange((id: string) => session.switchTo(id));
  if (me === undefined) return null;
  const others = me.organisations.filter(({ id }) => id !== orgId);
  if (others.length === 0 && !me.instanceAdmin) return null;
  return (
    <>
      <Menu.Divider />
      {others.length > 0 && <Menu.Label>{words.here(nameOf(me, orgId))}</Menu.Label>}
      {others.map(({ id, name }) => (
        <Menu.Item key={id} leftSection={<GroupIcon size={16} />} onClick={() => change.mutate(id)}>
          {words.switchTo(name)}
        </Menu.Item>
      ))}
      {me.instanceAdmin && (
        <Menu.Item
          leftSection={<SettingsIcon size={16} />}
          onClick={() => void navigate({ to: "/organisations" })}
        >
          {words.title}
        </Menu.Item>
      )}
    </>
  );
}

function ThemeControl() {
  const text = useText().shell;
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      fullWidth
      size="xs"
      aria-label={text.theme}
      value={colorScheme}
      onChange={value => setColorScheme(value as "light" | "dark" | "auto")}
      data={[
        {
          value: "light",
          label: <Labelled icon={<SunIcon size={16} />} label={text.themes.light} />,
        },
        {
          value: "dark",
          label: <Labelled icon={<MoonIcon size={16} />} label={text.themes.dark} />,
        },
        {
          value: "auto",
          label: <Labelled icon={<AutoIcon size={16} />} label={text.themes.auto} />,
        },
      ]}
    />
  );
}

function Labelled({ icon, label }: { icon: React.ReactNode; label: string }) {
  return (
    <span
      title={label}
      role="img"
      aria-label={label}
      style={{ display: "flex", justifyContent: "center" }}
    >
      {icon}
    </span>
  );
}
