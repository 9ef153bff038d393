/** Where the ledger keeps what there is to say of federated rounds. */
export const NAMESPACE = 'federation'
