import { makeSecret, replaceSecret, SECRETS, type Secret } from "../../api/secrets";
import { DataDialog } from "../../parts/DataDialog";
import { unread } from "../../parts/dataForm";
import { useText } from "../../text";

/** A new secret, or other values for one that there is. */
export function SecretDialog({ secret, onClose }: { secret?: Secret; onClose: () => void }) {
  const words = useText().secrets;
  const common = { stale: SECRETS, rows: 2, onClose };
  if (secret === undefined)
    return (
      <DataDialog
        {...common}
        title={words.addTitle}
        data={{}}
        save={(name, data) => makeSecret({ name, data })}
        done={words.made}
      />
    );
  return (
    <DataDialog
      {...common}
      title={words.replaceOf(secret.name)}
      hint={words.replaceHint}
      name={secret.name}
      data={unread(secret.keys)}
      save={replaceSecret}
      done={words.replaced}
    />
  );
}
