import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, data, envelope, type Schemas } from "../../api/client";
import { useMay } from "../../app/access";
import { useSigningKeys } from "../../firmware/api";
import { TrashIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import { TypedConfirm } from "../device/TypedConfirm";
import classes from "./firmware.module.css";

/** The public parts of the keys that sign releases. */
export function Keys() {
  const text = useText();
  const words = text.firmware;
  const may = useMay();
  const queries = useQueryClient();
  const keys = useSigningKeys();
  const [removing, setRemoving] = useState<Schemas["SigningKey"] | null>(null);
  const again = () => queries.invalidateQueries({ queryKey: ["signing-keys"] });
  const remove = async (id: string) => {
    await envelope(api.DELETE("/api/v1/firmware/signing-keys/{id}", { params: { path: { id } } }));
    await again();
  };
  return (
    <div className={classes.form}>
      <p className={classes.said}>{words.keysHint}</p>
      <Section title={words.tabs.keys} flush>
        {keys.isPending && <Loading height={80} />}
        {keys.isError && <ProblemLine error={keys.error} onRetry={() => void keys.refetch()} />}
        {keys.data?.length === 0 && <p className={classes.nothing}>{words.noKeys}</p>}
        <ul className={classes.keys}>
          {keys.data?.map(key => (
            <li key={key.id} data-key={key.name}>
              <strong>{key.name}</strong>
              <span className="mono truncate" title={key.publicKey}>
                {key.publicKey}
              </span>
              <span className="dim">
                {key.createdBy} · <TimeText at={key.createdAt} />
              </span>
              {may("administer") && (
                <Tooltip label={text.common.delete}>
                  <ActionIcon
                    size={26}
                    aria-label={words.deleteKey(key.name)}
                    onClick={() => setRemoving(key)}
                  >
                    <TrashIcon size={16} />
                  </ActionIcon>
                </Tooltip>
              )}
            </li>
          ))}
        </ul>
      </Section>
      {may("administer") && <NewKey onDone={again} />}
      {removing && (
        <TypedConfirm
          title={words.deleteKey(removing.name)}
          explanation={words.deleteKeyHint}
          action={text.common.delete}
          wanted={removing.name}
          onConfirm={() => remove(removing.id)}
          onClose={() => setRemoving(null)}
        />
      )}
    </div>
  );
}

function NewKey({ onDone }: { onDone: () => Promise<void> }) {
  const words = useText().firmware;
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const body = { name: name.trim(), publicKey: publicKey.trim() };
      await data(api.POST("/api/v1/firmware/signing-keys", { body }));
      await onDone();
      setName("");
      setPublicKey("");
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <Section title={words.addKey}>
      <form onSubmit={submit} className={classes.form}>
        <div className={classes.pair}>
          <TextInput
            label={words.keyName}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <TextInput
            label={words.publicKey}
            description={words.publicKeyHint}
            inputWrapperOrder={["label", "input", "description"]}
            className="mono"
            spellCheck={false}
            value={publicKey}
            onChange={event => setPublicKey(event.currentTarget.value)}
          />
        </div>
        {problem !== null && <ProblemLine error={problem} />}
        <div>
          <Button
            type="submit"
            variant="default"
            loading={busy}
            disabled={name.trim() === "" || publicKey.trim() === ""}
          >
            {words.addKey}
          </Button>
        </div>
      </form>
    </Section>
  );
}
