import { Button, Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { PlayIcon, UploadIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { SigningKeys } from "../../parts/SigningKeys";
import { type Right, useMay } from "../../session/access";
import { useText } from "../../text";
import { Deployments } from "./Deployments";
import classes from "./firmware.module.css";
import { NewDeployment } from "./NewDeployment";
import { Releases } from "./Releases";
import { UploadDialog } from "./UploadDialog";

const TABS = ["deployments", "releases", "keys"] as const;
/** Who sees it. */
const NEEDS: Record<(typeof TABS)[number], Right> = {
  deployments: "campaigns:list",
  releases: "releases:list",
  keys: "signing-keys:list",
};

export function FirmwarePage() {
  const text = useText();
  const words = text.firmware;
  const may = useMay();
  const { tab, deploy } = useSearch({ from: "/firmware" });
  const navigate = useNavigate();
  const [uploading, setUploading] = useState(false);
  const [deploying, setDeploying] = useState(false);
  const choose = (next: string | null) =>
    void navigate({
      to: "/firmware",
      search: next === "releases" || next === "keys" ? { tab: next } : {},
    });
  const tabs = TABS.filter(one => may(NEEDS[one]));
  const shown = tabs.find(one => one === (tab ?? "deployments")) ?? tabs[0] ?? "releases";
  const close = () => {
    setDeploying(false);
    if (deploy !== undefined) choose(tab ?? null);
  };
  return (
    <Page
      title={text.shell.pages.firmware}
      actions={
        <>
          {may("releases:create") && (
            <Button
              variant="default"
              leftSection={<UploadIcon size={16} />}
              onClick={() => setUploading(true)}
            >
              {words.upload}
            </Button>
          )}
          {may("campaigns:create") && (
            <Button leftSection={<PlayIcon size={14} />} onClick={() => setDeploying(true)}>
              {words.deploy}
            </Button>
          )}
        </>
      }
    >
      <Tabs value={shown} onChange={choose} keepMounted={false}>
        <Tabs.List className={classes.tabs} aria-label={text.shell.pages.firmware}>
          {tabs.map(one => (
            <Tabs.Tab key={one} value={one}>
              {words.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="deployments" pt="md">
          <Deployments />
        </Tabs.Panel>
        <Tabs.Panel value="releases" pt="md">
          <Releases onUpload={() => setUploading(true)} />
        </Tabs.Panel>
        <Tabs.Panel value="keys" pt="md">
          <SigningKeys />
        </Tabs.Panel>
      </Tabs>
      {uploading && <UploadDialog onClose={() => setUploading(false)} />}
      {(deploying || deploy !== undefined) && may("campaigns:create") && (
        <NewDeployment releaseId={deploy ?? null} onClose={close} />
      )}
    </Page>
  );
}
