import '@servicenow/sdk/global'
import { ImportSet } from '@servicenow/sdk/core'

ImportSet({
    '$id': Now.ID['map x_acme_tieline_gl_posting'],
    name: 'Tieline GL posting',
    active: true,
    sourceTable: 'x_acme_tieline_gl_posting_imp',
    targetTable: 'x_acme_tieline_gl_posting',
    copyEmptyFields: true,
    createOnEmptyCoalesce: false,
    enforceMandatoryFields: 'no',
    runBusinessRules: true,
    runScript: false,
    fields: {
        u_source_key: {
            sourceField: 'u_source_key',
            coalesce: true,
            coalesceCaseSensitive: true,
            coalesceEmptyFields: false,
        },
        u_source_version: 'u_source_version',
        u_account_number: 'u_account_number',
        u_description: 'u_description',
        u_amount: 'u_amount',
        u_currency: 'u_currency',
        u_document_amount: 'u_document_amount',
        u_document_currency: 'u_document_currency',
        u_document_date: { sourceField: 'u_document_date', dateFormat: 'yyyy-MM-dd' },
        u_posting_date: { sourceField: 'u_posting_date', dateFormat: 'yyyy-MM-dd' },
        u_journal: 'u_journal',
        u_vendor: 'u_vendor',
        u_source_state: 'u_source_state',
    },
})
