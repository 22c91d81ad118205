import { AppShell, Burger } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { PREFIX } from "../api/prefix";
import { QuestionIcon } from "../parts/icons";
import { useMay } from "../session/access";
import { useText } from "../text";
import { ShellActionsContext } from "./actions";
import { CommandKeysDialog } from "./CommandKeys";
import { ConnectionBanner, ConnectionState } from "./Connection";
import { FactorDialog } from "./Factor";
import icon from "./icon.svg";
import { KeyHelp } from "./KeyHelp";
import { useKeys } from "./keys";
import { NotAllowed } from "./NotAllowed";
import { Palette, PaletteButton } from "./Palette";
import { PasskeysDialog } from "./Passkeys";
import { PasswordDialog } from "./Password";
import { mayOpen, offered } from "./pages";
import { SessionsDialog } from "./Sessions";
import classes from "./shell.module.css";
import { UserMenu } from "./UserMenu";

type Dialog =
  | "palette"
  | "keys"
  | "password"
  | "sessions"
  | "factor"
  | "passkeys"
  | "commandKeys"
  | null;

/** Everything around a page. */
export function Shell() {
  const text = useText();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<Dialog>(null);
  const [opened, navigation] = useDisclosure(false);
  const may = useMay();
  const path = useRouterState({ select: state => state.location.pathname });
  const close = () => setDialog(null);
  const actions = useMemo(
    () => ({
      openPalette: () => setDialog("palette"),
      openKeys: () => setDialog("keys"),
      openPassword: () => setDialog("password"),
      openSessions: () => setDialog("sessions"),
      openFactor: () => setDialog("factor"),
      openPasskeys: () => setDialog("passkeys"),
      openCommandKeys: () => setDialog("commandKeys"),
    }),
    [],
  );
  useKeys({
    palette: actions.openPalette,
    help: actions.openKeys,
    go: to => void navigate({ to }),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a small screen going somewhere closes it
  useEffect(navigation.close, [path]);

  return (
    <ShellActionsContext value={actions}>
      <a className={classes.skip} href="#page">
        {text.shell.skip}
      </a>
      <AppShell
        header={{ height: 52 }}
        navbar={{ width: 204, breakpoint: "sm", collapsed: { mobile: !opened } }}
        transitionDuration={120}
      >
        <AppShell.Header className={classes.header}>
          <Burger
            hiddenFrom="sm"
            size="sm"
            opened={opened}
            onClick={navigation.toggle}
            aria-label={text.shell.toggleNavigation}
          />
          <Link to="/devices" className={classes.brand} aria-label={text.common.product}>
            <img src={icon} alt="" />
            <span className={classes.brandName}>{text.common.product}</span>
          </Link>
          <PaletteButton className={classes.jump ?? ""} />
          <div className={classes.space} />
          <ConnectionState />
          <UserMenu />
        </AppShell.Header>
        <AppShell.Navbar className={classes.navbar} aria-label={text.shell.navigation}>
          <Navigation />
        </AppShell.Navbar>
        <AppShell.Main className={classes.main}>
          <ConnectionBanner />
          <div className={classes.page} id="page" tabIndex={-1}>
            {mayOpen(path, may) ? <Outlet /> : <NotAllowed />}
          </div>
        </AppShell.Main>
      </AppShell>
      {dialog === "palette" && <Palette onClose={close} />}
      {dialog === "keys" && <KeyHelp onClose={close} />}
      {dialog === "password" && <PasswordDialog onClose={close} />}
      {dialog === "sessions" && <SessionsDialog onClose={close} />}
      {dialog === "factor" && <FactorDialog onClose={close} />}
      {dialog === "passkeys" && <PasskeysDialog onClose={close} />}
      {dialog === "commandKeys" && <CommandKeysDialog onClose={close} />}
    </ShellActionsContext>
  );
}

function Navigation() {
  const text = useText();
  const may = useMay();
  return (
    <>
      {offered(may).map(page => (
        <div key={page.to}>
          {page.divided && <div className={classes.divider} />}
          <Link to={page.to} className={classes.link}>
            <page.icon />
            {text.shell.pages[page.name]}
          </Link>
        </div>
      ))}
      <div className={classes.space} />
      <a className={classes.link} href={`${PREFIX}/docs`} target="_blank" rel="noreferrer">
        <QuestionIcon />
        {text.shell.apiPage}
      </a>
    </>
  );
}
