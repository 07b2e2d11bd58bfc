import '@servicenow/sdk/global'

declare global {
    namespace Now {
        namespace Internal {
            interface Keys extends KeysRegistry {
                explicit: {
                    'acl cmn_cost_center.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '656ae8e9615e21c0fb85940a62960c67'
                    }
                    'acl cmn_cost_center.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '0ee083b15d94debcf0e958d658785c21'
                    }
                    'acl sn_fin_gl_account.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '548a0efa8d02df8b11879739f6754bad'
                    }
                    'acl sn_fin_gl_account.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: 'e5a36599d4516597e6b2dc30130a5e59'
                    }
                    'acl sn_fin_supplier.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '30772af2184036a95da75022c8f0afa3'
                    }
                    'acl sn_fin_supplier.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: 'bdef90ac11826c31c84f128bb5b7c6a7'
                    }
                    'acl sn_shop_invoice.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '3f8a3fdb935b578c7a408ef4ef254c29'
                    }
                    'acl sn_shop_invoice.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: 'a69916bec8ed545a34209bd986403e50'
                    }
                    'acl sn_shop_invoice_line.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '3b71e2553f9214311ad1d3353b8c7068'
                    }
                    'acl sn_shop_invoice_line.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '1b186326f4efa0aaa4436796a80d90a8'
                    }
                    'acl sn_shop_purchase_order.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: '96cc1895fbf1719178344837a8bd9900'
                    }
                    'acl sn_shop_purchase_order.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: '30553b64c7ccc87a4f4c0d4f7d485ae8'
                    }
                    'acl sn_shop_purchase_order_line.x_acme_tieline_source_key write': {
                        table: 'sys_security_acl'
                        id: 'c32b70e3c4e5dc8ec216f02503adadd8'
                    }
                    'acl sn_shop_purchase_order_line.x_acme_tieline_source_version write': {
                        table: 'sys_security_acl'
                        id: 'f62bab32a5c63f0cbbafb062463ec82c'
                    }
                    'acl x_acme_tieline_gl_posting read': {
                        table: 'sys_security_acl'
                        id: 'c69eea2c98b71594210a88754f77caee'
                    }
                    'acl x_acme_tieline_gl_posting_imp create': {
                        table: 'sys_security_acl'
                        id: 'c527fb2b6988894945180feab9e0b010'
                    }
                    'acl x_acme_tieline_gl_posting_imp delete': {
                        table: 'sys_security_acl'
                        id: '47aa8d7e50b0add1dd3c284d4c91219c'
                    }
                    'acl x_acme_tieline_gl_posting_imp read': {
                        table: 'sys_security_acl'
                        id: '4ba32d97f1b59d1bbebfe46b897fe599'
                    }
                    bom_json: {
                        table: 'sys_module'
                        id: '058b75fcd42dde3a619a1f91714c37e9'
                    }
                    'map x_acme_tieline_gl_posting': {
                        table: 'sys_transform_map'
                        id: '6366552604618e36c95a7294cf77001a'
                    }
                    package_json: {
                        table: 'sys_module'
                        id: 'c4f5922b90761b429d56e07ffc6fd4fe'
                    }
                }
                composite: [
                    {
                        table: 'sys_security_acl_role'
                        id: '03679a01706ae8aa8badeb15d1d25943'
                        key: {
                            sys_security_acl: 'c32b70e3c4e5dc8ec216f02503adadd8'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '038a278b830e8f6ae66547c2ee94a963'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0664f8c1daae738eb35e88ccebf9dc50'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '06bfd46a9478b77c717bf75b3f32037f'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '07eba2c9a8208f6ec88e18d907d08e59'
                        key: {
                            name: 'sn_shop_purchase_order'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '08cec41028c4eac9b578f51ae1f19203'
                        key: {
                            sys_security_acl: '0ee083b15d94debcf0e958d658785c21'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '094af892c7cede74794b0a1f11a35892'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0bcd7519083046730ae244a285cd6f4c'
                        key: {
                            name: 'sn_shop_purchase_order'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '0c39792d3d65609a185544fc982a25b0'
                        key: {
                            name: 'sn_shop_invoice_line'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0ccfa5dbac2551673e14e0a0435ebdf5'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0d799c0f5de6ee91035f95535271cf7e'
                        key: {
                            name: 'sn_shop_purchase_order'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0e8f411b7de9dd32202d67b05798322f'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '0f880cca761f612ec6b2d623d42cca69'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '10b868764c60521d276883a51896f9ba'
                        key: {
                            sys_security_acl: 'c69eea2c98b71594210a88754f77caee'
                            sys_user_role: {
                                id: 'bcdbb4340775f348c921db8186a47d0f'
                                key: {
                                    name: 'x_acme_tieline.viewer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '159793fba36152bb9a2dc544820570b1'
                        key: {
                            sys_security_acl: '4ba32d97f1b59d1bbebfe46b897fe599'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '159be2fc7ce938c0f9efa7293453b495'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '15b4f23c361c1ba0c36c73714066a345'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '172b117c7bc8ab8953b4d89fdc95d0e1'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1981fde0afe182b72e14afd385685c6d'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '19f1ed3b5cc3e1dad3699882455b8080'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_description'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '1b007e94222a4e292d22bef472861968'
                        key: {
                            sys_security_acl: '656ae8e9615e21c0fb85940a62960c67'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1bf59fee77816b3c2568036c633e529b'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '1c095804d0d8d348d00604ce57a30ebc'
                        key: {
                            name: 'sn_shop_purchase_order'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1d3a79a5949685d60ea79dd589f71ac1'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '1de95112ba0f671088a295bee70526b4'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_document_amount'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '1df62b0fd8524a66cfaffc6df227631f'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '1e0211c0b3c3ac118f556163f4965b41'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1eb1e944f123aaec9c0d538667af79ba'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1f0c5155c6bd9d8e27072c46149181ff'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1fd8cbe5231c2d9ec1b5bf162ef03d30'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2032aa70b25d02575b8a3c142045bd48'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '2040277aa3b4da0fd2dd0109d957c13c'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '21f91acc8bf7cc7b8634c43484282903'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '23b229f51b10f3aa2c82aaeb7e450636'
                        key: {
                            sys_security_acl: 'f62bab32a5c63f0cbbafb062463ec82c'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '2445a4fcc99beb97dc9eecb3702ac303'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '2615da2cce943da703f901fcf3141a2f'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2807f21a8f48948f0d9cc7c753a66a97'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '289a54194b812c5e4953bbe12decef48'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2db244593ed5893a7be931d6918ea4f6'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2f92136ff3a31f6152dfabf228137393'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '307399703e0dbf98ca9b2c95a668f9d1'
                        key: {
                            sys_security_acl: '30553b64c7ccc87a4f4c0d4f7d485ae8'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '31a54fe0832415b1065b7e6e3ef34ec6'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '329ca034860229d059231c0760bc7721'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '32a90c88007f49af7e41cc63638a5014'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_vendor'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '33d026caae0852a52bd262978b153385'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '34368a53cb38cfe14d5c38b43aa785f1'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '39ac9e6aa9954388daf3e906d31638bf'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '39c9e5f666c866870c3b9cf547f03647'
                        key: {
                            logical_table_name: 'x_acme_tieline_gl_posting_imp'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '45ab722ddce1a11c3bb324ed366d83b5'
                        key: {
                            sys_security_acl: '548a0efa8d02df8b11879739f6754bad'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '45fc6e52a3eb74343df097818c47583b'
                        key: {
                            sys_security_acl: 'c527fb2b6988894945180feab9e0b010'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4729b88960555cacec7081740fddc96d'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_charge_value'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4753565364c66c51cdec96a7579504a8'
                        key: {
                            name: 'sn_fin_supplier'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '48b0d811605de463f144de9cbaa16e83'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '49d68ce6aa7c781023e1a1736010c9e0'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '4ae89f0aa24a7efaf0fa6ff5e972d41a'
                        key: {
                            name: 'sn_fin_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4ccdd2aa77d60cce83ff20a08844a730'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_charge_value'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4d8b2f91b4455dec4ef1b14c548f494e'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '4fc837762c9f1d9695226f64d02095e4'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '4fe52dbe5c2767609cfdfd6dbf3cc5df'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '50bcf20735856de897067e9947d71bfa'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '515adcb468cbf0097f0dd4d4a2763edb'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '521a75d97f0a55bbe6cb20f776f0a3fa'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '523d6bdfd91f9442da19710fc7df52de'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_description'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '536cdab1f183b35290d39dcebd674670'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '5499dcb86b557116ba5ef639cb127b04'
                        key: {
                            logical_table_name: 'x_acme_tieline_gl_posting'
                            col_name_string: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '552c830e4d9a1fab2e5b409da131c71d'
                        key: {
                            name: 'sn_fin_gl_account'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '570e58e1197dbc647d3043c81724686b'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '57d56cd828f872c618a6eb8af637b8db'
                        key: {
                            sys_security_acl: 'e5a36599d4516597e6b2dc30130a5e59'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '57e6873a817bc9a00d4015ee76df0c42'
                        key: {
                            sys_security_acl: 'bdef90ac11826c31c84f128bb5b7c6a7'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '59e1479ee8146bd863541b0f33b6cbb0'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5a805c3bdc07d8007c06fc4faa735463'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '5a9f8af405c06ae8a33265e82d43acd1'
                        key: {
                            sys_security_acl: '3b71e2553f9214311ad1d3353b8c7068'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '5c2d7687d44c746dcd161329889573df'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5e65804c5ada5fc03cbe579c4d204513'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_currency'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '5f6206c9361a12f1dda4d64abbe49c84'
                        key: {
                            sys_security_acl: '47aa8d7e50b0add1dd3c284d4c91219c'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5ffbbcec7fbe11babd49b8a140f2dc01'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6083c767d960a9bb3fa6799096e11c0a'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_amount'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: '610a011a7404b0c1864b41f5edb8409c'
                        key: {
                            name: 'x_acme_tieline.integration'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '61e463224b33e4fb6aa9bbdb7a248c46'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '636704d5fc00112e5ac87ce9da9298be'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6602df4722ec07fe34f3df4ee0592380'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_vendor'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '66816a103608b4fd39888da619e4d2ff'
                        key: {
                            name: 'sn_fin_supplier'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '6681837b015c87f7d00554458a5ce3d1'
                        key: {
                            name: 'cmn_cost_center'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '67f32febb4d936e27f28296a100ba7aa'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '680859e7256b6fbac9286d08fca1c3ea'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_vendor'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '685b6e560f65b7243ab5d08aa40b4acb'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '69194e85457c1f206dd2e8f0f29f23c1'
                        key: {
                            name: 'sn_fin_gl_account'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '69e585fcf67c0754d83f34c0dc1689b9'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '6a99ebd8ff2b48f79992b26eae673f2e'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '6bc5205dffeadbbd702efb1e2a05bc90'
                        key: {
                            sys_security_acl: '3f8a3fdb935b578c7a408ef4ef254c29'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6c2623a8109a340b2b32d17c1cea5a47'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6c8dd2ffa43e3f537438b9d26773d840'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6cc8949c31beafac14c651d92990c6a9'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6e7c4e8b2f1480376183798066e2db21'
                        key: {
                            name: 'sn_shop_purchase_order'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '70ff2c4adebcb9f70da5e909ea472372'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7129ec8a0521825b9c565aecdc3368b8'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '73dbff3e7c4c6ad634b4b4b9fac445a0'
                        key: {
                            sys_security_acl: 'c69eea2c98b71594210a88754f77caee'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '749e91ddb2c7b13d8a251908ad9d5bd3'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '76f325b7b2ad923ffb9e27deaa5f0a80'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_account_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '77d1e994e3bb4dd52fb2d00a019f0fe0'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7a6b04fc44838449753507872b3e7f98'
                        key: {
                            name: 'sn_fin_gl_account'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7a98eb1d112655c500ddf74b609f1d23'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '7abbe945c6cf934fbb814ad324cbb6bb'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_vendor'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '7bc43bcce111345d48f117fc7e6257d3'
                        key: {
                            sys_security_acl: '96cc1895fbf1719178344837a8bd9900'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7d3e5d08bfcdca162fc78cf11797fb26'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7d5bd046094aa4a1af9f03e5119bb983'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7f24565440efae4cc8919859ae942ddf'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '82fd4dff2c2508b251717bc6b655c3a0'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8348a7bdb21c230a329f9bdf47c49e4a'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '84624d0ea9035c4f8b4942a3223fbb88'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '875a41825e43e8a39a3a54e7f3cb2910'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8831fb382913daa220e6fe02c65ad9ce'
                        key: {
                            name: 'sn_fin_gl_account'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '895d32a41f3978e6723f3c697f6dba0b'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '89676ce85295cf4e1ce1ba3c6511ed6b'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '89cb7754d9f3984546e34197ac43b172'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '89e0d84c66be5fadf584d860533d3a8b'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '8b0532b5100f2370b7b786cd0aa26477'
                        key: {
                            sys_security_acl: '30772af2184036a95da75022c8f0afa3'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8b2e8d86a4b6067a5abc5adda6160665'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8c44629a864f2741a3397cc9dc443979'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8c91315a2fe1b5e89e044b09715fabfd'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '8d89558b0e31fb5ab995397c7e67ebb6'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8db14ed25a900b8edf2a84563d0ad4c4'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '8ddaff3c3fff6333e808b1cab861171f'
                        key: {
                            name: 'sn_shop_invoice'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8f1c134a531715ec11c76aa0b624d504'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '8f8474b830823559741c2a8b1eae1b87'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9091114a0746e1cba8b13b5172ad2364'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '921182848778c41bedf6411ab6ffa0f6'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '92c9d5e84a8ed6eb88e1cf12f36b267b'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: '936ddaf84ec2c66f8c9735c8918332ea'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9583e139b89b16cbe5eeae3c24612665'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '96eb32afcf294faa4b8e305622f88e1b'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '973b3e07980957442e51b5a3e8ea3cbd'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '980252d66c61183e2cbae2c895a46723'
                        key: {
                            name: 'sn_fin_supplier'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '995061d3eb94a8e1553c8396b5756ef9'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9b7e028a4aa50bdd85952dd0b2d57950'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9b9835aed6ea1da257ac849dfa631075'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '9ba6f199c9b1abc9d420383ebd93c1eb'
                        key: {
                            name: 'sn_shop_invoice_line'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9d704e42cafa0e3e01d3c2732cf3ae9c'
                        key: {
                            name: 'sn_shop_purchase_order'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9f416c47da95346f30c3b8847b46de95'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a145f028bed770ea1b19be442c4bb1e4'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a1f16c23a2e51cf2bdc28649183b1215'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a29f15e228bbe75f27295054291d3e6c'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'a368e3833f0701d9e0601332604dc23d'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a4dd049c2532db3364e913e15594976f'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_currency'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a882159e84c1ed738c11fb00b67eafde'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'a8cfaba3617bc85c1731e936b29b551c'
                        key: {
                            sys_security_acl: 'a69916bec8ed545a34209bd986403e50'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a8e29daf8d49bcdce10d00b234b1c898'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'abc6e85796a0fa694bbcae686b899567'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'abddbaeb82e603e3f3e9c406a988d3fc'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac33182513a3f1a99e1c68c7508c2cd4'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ad00f9e4ca7884d4adb55d9a483edd40'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'afdd285120351e7f08a1280552bbefa1'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b0ba144cc21a13666c4a91a5a5b91ce1'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b1e6a077b5a2d67e9a5a03d7a3fb48eb'
                        key: {
                            name: 'sn_fin_supplier'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'b1f8d3ecc948fe5d7c094da4c634aa69'
                        key: {
                            name: 'cmn_cost_center'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'bb4cbecb5bd182f411adfb8ff846d51b'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bbaae891eabfe12422bc74c9836ecc28'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'bc81aa709ab509bb2ca346bede053513'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_version'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: 'bcdbb4340775f348c921db8186a47d0f'
                        key: {
                            name: 'x_acme_tieline.viewer'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'bdf448f127fd8e34fe4c5a4aac31aae1'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_document_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bf6d663ca08de73ed5eb6ddec649a151'
                        key: {
                            name: 'sn_fin_supplier'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bfe263fb4f5c91bc56351b7e3199abd2'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c03ddf39535c19fa242144fe734fd46d'
                        key: {
                            name: 'sn_shop_purchase_order'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c3ab2e4458fff6a01a701f599953d455'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_journal'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c3e11fcd049caf8a0b2728ddaac71346'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c3e285190993cfd995c21b524b70feae'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_vendor'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c3ee97f807ca3b9681dd36daa0230f54'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_posting_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c441e86e709d0e5c8f71745b04a154e0'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c47fc201bf12a50708567b4db4fd37a9'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c497b08a13242ada5e7e9e6ca0810884'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                            element: 'x_acme_tieline_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_transform_entry'
                        id: 'c5fece23eea8787a34923535fc758540'
                        key: {
                            map: '6366552604618e36c95a7294cf77001a'
                            target_field: 'u_amount'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c66edb7903ada9662874b3de9a2def34'
                        key: {
                            name: 'sn_shop_invoice_line'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c740b9c2da271821488279c5ad005b97'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c8a1bd23c55ca4540e7cd177e8c21456'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cc1308c86db279182ce63539c5a15641'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_key'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cd427a2f18f405c025728c6c0618a62d'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'ce9d67c3fb42adb6a8518486beb57fab'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'cec26c957bdf85c178f826861a9a8596'
                        key: {
                            name: 'sn_fin_supplier'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_user_role_contains'
                        id: 'd1682e12611794deac167aa1eaf5b5b9'
                        key: {
                            role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                            contains: {
                                id: '69bc3f49c68520bcb2962c4b04fd9918'
                                key: {
                                    name: 'sn_fcms_intg.integration_user'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd4b806f19ba9ce27867c4ea1a8f72aef'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_posting_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd5462056a20af6f6fce5472718967d4f'
                        key: {
                            name: 'sn_fcms_intg_imp_cost_center'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd5bd7b04e4026c9be1259e39b0a08879'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_charge_value'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd6e0ce5b52a8f34ce36883f966557ba4'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_date'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd8c6b04959e9491dc21bd21133d2bb6e'
                        key: {
                            name: 'sn_spend_intg_imp_invoice'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'sys_user_role_contains'
                        id: 'd9c4551ebf30c2f3907b235a0e074f1d'
                        key: {
                            role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                            contains: {
                                id: 'cb3685e522381bd120e417536064f6cf'
                                key: {
                                    name: 'import_transformer'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'd9d7956a2a9b6aa5b190eebe38e7ad52'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_currency'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'db0b8779eb118633f4626b80dfa54677'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'dbf329e8573a603d88553d096014c046'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'x_acme_tieline_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'dc80f3f69a8d888df6fafbae226d9271'
                        key: {
                            name: 'sn_fcms_intg_gl_account_stage'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'dcb4a239899ddd20950e0160d7ba36e9'
                        key: {
                            name: 'sn_shop_invoice'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'e3db09d46db51417a311414bb392637e'
                        key: {
                            sys_security_acl: '1b186326f4efa0aaa4436796a80d90a8'
                            sys_user_role: {
                                id: '610a011a7404b0c1864b41f5edb8409c'
                                key: {
                                    name: 'x_acme_tieline.integration'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e4fadb8789c566479cfb1658face419e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_account_number'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e548543287075c2b58bebaacb1f9aabc'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_amount'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'e5abb9bb741ceb6a23f994f40dd7f3fd'
                        key: {
                            name: 'sn_shop_invoice'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e9881ca89430d550b216952fa01def2e'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_account_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e9ed8822345ce86a80b28136492cc057'
                        key: {
                            name: 'sn_fin_gl_account'
                            element: 'x_acme_tieline_source_key'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ebaf1651eaa70fa31dacbf678718149b'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_document_date'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ed3ff50f1db862b72d9bc532c223ae82'
                        key: {
                            name: 'sn_fcms_intg_imp_order_line'
                            element: 'x_acme_tieline_source_state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'eef07a0c3533e21d40cded2741e288fc'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_document_date'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ef48c1f0861afc819e861946cdc5c7ca'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_description'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ef4d60213d62e778e7c4be43233ff479'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_description'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: 'efb20b1c67ef75f9c56c4d2d37ff15e3'
                        key: {
                            name: 'sn_fin_gl_account'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'efb65d85880f2836e3725d6cfc9fdabc'
                        key: {
                            name: 'cmn_cost_center'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f418f1588bfae723e48166763b9bcb0c'
                        key: {
                            name: 'sn_spend_intg_imp_invoice_line'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'f488a4fc335e134bdc5ea32aa99bf932'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f5e07c94554b048e603b69e8e430b26c'
                        key: {
                            name: 'x_acme_tieline_gl_posting_imp'
                            element: 'u_amount'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f603095656848568c40e32fc7a7aaf5a'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_source_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fa485ee9ea951a6fc3d154005b6a36ec'
                        key: {
                            name: 'sn_shop_purchase_order_line'
                            element: 'x_acme_tieline_charge_value'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fa7bf2af353c4e5a51d4d4a9a6535532'
                        key: {
                            name: 'x_acme_tieline_gl_posting'
                            element: 'u_description'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fc5aef262d98294e24fb461f225cbaaa'
                        key: {
                            name: 'sn_fcms_intg_imp_order'
                            element: 'x_acme_tieline_source_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'fdc5ea61184d01055a8c987869810c8a'
                        key: {
                            name: 'sn_fin_gl_account'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fe22ae11728b4ffeea25e53e6d03936c'
                        key: {
                            name: 'sn_fcms_intg_imp_supplier'
                            element: 'x_acme_tieline_source_version'
                        }
                    },
                ]
            }
        }
    }
}
