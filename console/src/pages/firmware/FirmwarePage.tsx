import { Button, Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { PlayIcon, UploadIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { SigningKeys } from "../../parts/SigningKeys";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Deployments } from "./Deployments";
import classes from "./firmware.module.css";
import { NewDeployment } from "./NewDeployment";
import { Releases } from "./Releases";
import { UploadDialog } from "./UploadDialog";

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
  const close = () => {
    setDeploying(false);
    if (deploy !== undefined) choose(tab ?? null);
  };
  return (
    <Page
      title={text.shell.pages.firmware}
      actions={
        may("administer") && (
          <>
            <Button
              variant="default"
              leftSection={<UploadIcon size={16} />}
              onClick={() => setUploading(true)}
            >
              {words.upload}
            </Button>
            <Button leftSection={<PlayIcon size={14} />} onClick={() => setDeploying(true)}>
              {words.deploy}
            </Button>
          </>
        )
      }
    >
      <Tabs value={tab ?? "deployments"} onChange={choose} keepMounted={false}>
        <Tabs.List className={classes.tabs} aria-label={text.shell.pages.firmware}>
          <Tabs.Tab value="deployments">{words.tabs.deployments}</Tabs.Tab>
          <Tabs.Tab value="releases">{words.tabs.releases}</Tabs.Tab>
          <Tabs.Tab value="keys">{words.tabs.keys}</Tabs.Tab>
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
      {(deploying || deploy !== undefined) && may("administer") && (
        <NewDeployment releaseId={deploy ?? null} onClose={close} />
      )}
    </Page>
  );
}
