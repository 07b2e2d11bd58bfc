import '@servicenow/sdk/global'
import { StringColumn, Table } from '@servicenow/sdk/core'

export const x_acme_tieline_gl_posting_imp = Table({
    name: 'x_acme_tieline_gl_posting_imp',
    label: 'Tieline GL posting import',
    extends: 'sys_import_set_row',
    schema: {
        u_source_key: StringColumn({ label: 'Source key', maxLength: 120 }),
        u_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        u_account_number: StringColumn({ label: 'Account number', maxLength: 100 }),
        u_description: StringColumn({ label: 'Description', maxLength: 255 }),
        u_amount: StringColumn({ label: 'Amount', maxLength: 40 }),
        u_currency: StringColumn({ label: 'Currency', maxLength: 40 }),
        u_document_amount: StringColumn({ label: 'Document amount', maxLength: 40 }),
        u_document_currency: StringColumn({ label: 'Document currency', maxLength: 40 }),
        u_document_date: StringColumn({ label: 'Document date', maxLength: 40 }),
        u_posting_date: StringColumn({ label: 'Posting date', maxLength: 40 }),
        u_journal: StringColumn({ label: 'Journal', maxLength: 1000 }),
        u_vendor: StringColumn({ label: 'Vendor', maxLength: 255 }),
        u_source_state: StringColumn({ label: 'Source state', maxLength: 40 }),
    },
    allowWebServiceAccess: true,
    actions: ['create', 'read', 'update', 'delete'],
    index: [{ name: 'index_u_source_key', unique: false, element: 'u_source_key' }],
})
